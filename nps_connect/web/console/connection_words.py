"""The state of connections in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from nps_connect.rendering.catalogs import CONSOLE_DOMAIN, load_translations
from nps_connect.rendering.figure_texts import format_duration
from nps_connect.services.operations.connection_status import ConnectionStatus


@dataclass(frozen=True)
class ConnectionLine:
    """One connection: its name, its state in words, and whether somebody must act."""

    name: str
    text: str
    is_bad: bool


def describe_connections(
    language: str, connections: Mapping[str, ConnectionStatus], now: datetime, zone: tzinfo
) -> list[ConnectionLine]:
    """Describe connections, those with a problem first."""
    lines = [
        ConnectionLine(name, _describe(language, status, now, zone), status.state in ("paused", "failing", "silent"))
        for name, status in connections.items()
    ]
    return sorted(lines, key=lambda line: (not line.is_bad, line.name))


def _describe(language: str, status: ConnectionStatus, now: datetime, zone: tzinfo) -> str:
    translations = load_translations(language, CONSOLE_DOMAIN)
    _, ngettext = translations.gettext, translations.ngettext
    waiting = sum(status.deliveries.get(state, 0) for state in ("pending", "held", "dead"))
    if status.state == "paused":
        text = _("paused")
    elif status.state == "failing":
        text = _("does not answer") if status.failures else _("the last check failed")
    elif status.state == "waiting":
        until = min(status.quota_until.values()).astimezone(zone)
        text = _("waits until %(time)s: its limit is used up") % {"time": f"{until:%H:%M}"}
    elif status.state == "silent" and status.last_event_at is not None:
        text = _("nothing heard for %(duration)s, which is unusual") % {
            "duration": format_duration(now - status.last_event_at, language)
        }
    else:
        return _latest(language, status, now)
    if waiting:
        text += ", " + ngettext("%(num)s message waits", "%(num)s messages wait", waiting) % {"num": waiting}
    return text


def _latest(language: str, status: ConnectionStatus, now: datetime) -> str:
    """Return what happened last at a connection without a problem."""
    _ = load_translations(language, CONSOLE_DOMAIN).gettext
    event_at, success_at = status.last_event_at, status.last_success_at
    if event_at is None and success_at is None:
        return _("ready, not used yet")
    latest = max(at for at in (event_at, success_at) if at is not None)
    text = _("last heard from %(duration)s ago") if latest == event_at else _("last message %(duration)s ago")
    return text % {"duration": format_duration(now - latest, language)}
