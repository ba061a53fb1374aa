"""Who plays what: found in the configuration and in what plugins declare, never by a vendor's name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from nps_connect.records.connectors import ConnectorInfo


@dataclass(frozen=True)
class EventSource:
    """A trigger whose events a simulated vendor can make happen.

    Attributes:
        connection: takes the webhooks.
        plugin: name of the simulated vendor.
        kind: what happens, such as ``deal.won``.
    """

    connection: str
    plugin: str
    kind: str


@dataclass(frozen=True)
class DemoCapabilities:
    """Which simulated vendors play which part.

    Attributes:
        sources: where events come from, in the order of the triggers; those of the scores' plugin first.
        scores: plugin on whose contacts scores are written.
        tickets: plugin in which tickets are opened.
        alerts: plugin by which people are alerted.
        reviews: whether review invitations are routed.
        missing: one sentence for each part that nobody plays.
    """

    sources: tuple[EventSource, ...]
    scores: str | None
    tickets: str | None
    alerts: str | None
    reviews: bool
    missing: tuple[str, ...]

    @property
    def crm(self) -> str | None:
        """The plugin at which people opt out: where the first events come from."""
        return self.sources[0].plugin if self.sources else self.scores


MISSING_CAPABILITY_TEXTS = {
    "write_score": "no simulated vendor takes scores: none will be seen on contacts",
    "open_ticket": "no simulated vendor takes tickets: detractors get none",
    "send_alert": "no simulated vendor takes alerts: nobody is alerted",
}


def detect_capabilities(
    table: Mapping[str, Any], infos: Mapping[str, ConnectorInfo], vendors: Collection[str]
) -> DemoCapabilities:
    """Cast the parts.

    Args:
        table: the configuration, as read from TOML.
        infos: what the loaded plugins declare.
        vendors: plugins that have a simulated vendor.
    """
    plugin_of = {name: one["plugin"] for name, one in table.get("connections", {}).items()}
    routes = table.get("routes", [])

    def player(action: str) -> str | None:
        via = [plugin_of.get(route["via"]) for route in routes if route["do"] == action]
        return next((plugin for plugin in via if plugin in vendors), None)

    players = {action: player(action) for action in MISSING_CAPABILITY_TEXTS}
    sources = []
    for trigger in table.get("triggers", []):
        plugin = plugin_of.get(trigger["from"], "")
        if plugin in vendors and plugin in infos and infos[plugin].webhooks:
            sources.append(EventSource(trigger["from"], plugin, trigger["on"]))
    missing = [sentence for action, sentence in MISSING_CAPABILITY_TEXTS.items() if players[action] is None]
    reviews = any(route["do"] == "invite_review" for route in routes)
    if not reviews:
        missing.append("no route invites to reviews: no such mail will come")
    if not sources:
        missing.insert(0, "no simulated vendor sends the events of a trigger: nothing can happen")
    scores = players["write_score"]
    return DemoCapabilities(
        sources=tuple(sorted(sources, key=lambda source: source.plugin != scores)),
        scores=scores,
        tickets=players["open_ticket"],
        alerts=players["send_alert"],
        reviews=reviews,
        missing=tuple(missing),
    )
