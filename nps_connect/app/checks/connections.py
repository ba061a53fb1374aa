"""Connections: the plugin is there, and its own settings model takes the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nps_connect.app.checks.context import CheckContext
from nps_connect.connection import ConnectionSettings
from nps_connect.errors import ConfigErrors
from nps_connect.records.connectors import ConnectorInfo
from nps_connect.settings.key_paths import nearest
from nps_connect.settings.parse_table import parse_table


def event_modes(info: ConnectorInfo) -> list[str]:
    """How events can arrive from a plugin."""
    return [way for way, open_to in (("webhook", info.webhooks), ("poll", info.polling)) if open_to]


def check_connections(subject: CheckContext) -> None:
    """Parse every connection's table; those that are right end up in `Subject.parsed`."""
    for name, table in subject.settings.connections.items():
        info = _find_plugin(subject, name, table)
        if info is None:
            continue
        model: type[ConnectionSettings] = info.settings
        try:
            parsed = parse_table(model, table, where=subject.where, key_path=("connections", name))
        except ConfigErrors as errors:
            subject.mistakes += errors.errors
            continue
        subject.parsed[name] = parsed
        if parsed.events != "none" and parsed.events not in event_modes(info):
            subject.add_mistake(
                ("connections", name, "events"),
                f"plugin {info.name!r} gives no events by {parsed.events}",
                allowed=[*event_modes(info), "none"],
            )


def _find_plugin(subject: CheckContext, name: str, table: Mapping[str, Any]) -> ConnectorInfo | None:
    at = ("connections", name, "plugin")
    plugin = table.get("plugin")
    installed = sorted(subject.plugins.infos)
    if not isinstance(plugin, str):
        subject.add_mistake(at, "is missing" if plugin is None else "is not a text", allowed=installed)
        return None
    info = subject.plugins.infos.get(plugin)
    if info is not None:
        return info
    broken = subject.plugins.broken.get(plugin)
    if broken is not None:
        subject.add_mistake(at, f"plugin {plugin!r} is off: {broken.problem}", fix="see: nps-connect plugins list")
    else:
        subject.add_mistake(
            at, f"there is no plugin {str(plugin)!r}", allowed=installed, nearest=nearest(plugin, installed)
        )
    return None
