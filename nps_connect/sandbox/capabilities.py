"""Detection of what a demo can show, from the configuration and the plugins' declarations, without vendor names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from nps_connect.records.connectors import ConnectorInfo


@dataclass(frozen=True)
class EventSource:
    """A trigger whose events a simulated vendor can produce.

    Attributes:
        connection: the connection that receives the webhooks.
        plugin: name of the simulated vendor.
        kind: event kind, such as ``deal.won``.
    """

    connection: str
    plugin: str
    kind: str


@dataclass(frozen=True)
class DemoCapabilities:
    """Simulated vendors by purpose.

    Attributes:
        sources: event sources, in the order of the triggers; those of the scores' plugin first.
        scores: plugin that receives the scores.
        tickets: plugin in which tickets are opened.
        alerts: plugin by which staff are alerted.
        reviews: whether review invitations are routed.
        missing: one sentence for each capability without a simulated vendor.
    """

    sources: tuple[EventSource, ...]
    scores: str | None
    tickets: str | None
    alerts: str | None
    reviews: bool
    missing: tuple[str, ...]

    @property
    def crm(self) -> str | None:
        """Return the plugin at which people opt out: the source of the first events."""
        return self.sources[0].plugin if self.sources else self.scores


MISSING_CAPABILITY_TEXTS = {
    "write_score": "no simulated vendor receives scores: none will be written to contacts",
    "open_ticket": "no simulated vendor receives tickets: none will be opened for detractors",
    "send_alert": "no simulated vendor receives alerts: none will be sent",
}


def detect_capabilities(
    table: Mapping[str, Any], infos: Mapping[str, ConnectorInfo], vendors: Collection[str]
) -> DemoCapabilities:
    """Return what the demo can show with this configuration.

    Args:
        table: the configuration, as parsed from TOML.
        infos: what the loaded plugins declare.
        vendors: plugins that have a simulated vendor.
    """
    plugin_of = {name: connection["plugin"] for name, connection in table.get("connections", {}).items()}
    routes = table.get("routes", [])

    def find_plugin(action: str) -> str | None:
        plugins = [plugin_of.get(route["via"]) for route in routes if route["do"] == action]
        return next((plugin for plugin in plugins if plugin in vendors), None)

    plugin_by_action = {action: find_plugin(action) for action in MISSING_CAPABILITY_TEXTS}
    sources = []
    for trigger in table.get("triggers", []):
        plugin = plugin_of.get(trigger["from"], "")
        if plugin in vendors and plugin in infos and infos[plugin].webhooks:
            sources.append(EventSource(trigger["from"], plugin, trigger["on"]))
    missing = [text for action, text in MISSING_CAPABILITY_TEXTS.items() if plugin_by_action[action] is None]
    reviews = any(route["do"] == "invite_review" for route in routes)
    if not reviews:
        missing.append("no route has review invitations: none will be sent")
    if not sources:
        missing.insert(0, "no simulated vendor sends the events of a trigger: no survey will be sent")
    scores = plugin_by_action["write_score"]
    return DemoCapabilities(
        sources=tuple(sorted(sources, key=lambda source: source.plugin != scores)),
        scores=scores,
        tickets=plugin_by_action["open_ticket"],
        alerts=plugin_by_action["send_alert"],
        reviews=reviews,
        missing=tuple(missing),
    )
