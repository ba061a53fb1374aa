"""Check connections: the plugin is installed, and its settings model accepts the table."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from nps_connect.app.checks.context import CheckContext
from nps_connect.connection import ConnectionSettings
from nps_connect.errors import ConfigErrors
from nps_connect.records.connectors import ConnectorInfo
from nps_connect.settings.key_paths import nearest
from nps_connect.settings.parse_table import parse_table


def event_modes(info: ConnectorInfo) -> list[str]:
    """Return the ways in which a plugin can deliver events."""
    modes = (("webhook", info.webhooks), ("poll", info.polling), ("api", bool(info.events)))
    return [mode for mode, is_supported in modes if is_supported]


def check_connections(context: CheckContext, skip: Collection[str] = ()) -> None:
    """Parse every connection's table into `CheckContext.parsed`.

    Args:
        context: the configuration.
        skip: connections whose table cannot be judged.
    """
    for name, table in context.settings.connections.items():
        if name in skip:
            continue
        info = _find_plugin(context, name, table)
        if info is None:
            continue
        model: type[ConnectionSettings] = info.settings
        try:
            parsed = parse_table(model, table, context.settings.origins, key_path=("connections", name))
        except ConfigErrors as errors:
            context.mistakes += errors.errors
            continue
        context.parsed[name] = parsed
        if parsed.events != "none" and parsed.events not in event_modes(info):
            context.add_mistake(
                ("connections", name, "events"),
                f"plugin {info.name!r} does not deliver events by {parsed.events}",
                allowed=[*event_modes(info), "none"],
            )
        _check_named_files(context, name, info, parsed)


def _check_named_files(context: CheckContext, name: str, info: ConnectorInfo, parsed: ConnectionSettings) -> None:
    """Let the plugin compare the settings with files that they name, where the configuration is a file too."""
    folder = context.settings.origins.folder
    if info.check_settings is None or folder is None:
        return
    for mistake in info.check_settings(parsed, folder):
        key_path = ("connections", name, *mistake.key_path)
        context.add_mistake(key_path, mistake.problem, nearest=mistake.nearest, fix=mistake.fix)


def check_concurrency(context: CheckContext) -> None:
    """Check the names under ``[delivery.concurrency]``."""
    for name in context.settings.delivery.concurrency:
        key_path = ("delivery", "concurrency", name)
        context.connection(name, key_path, is_supported=lambda _info: True, problem_text="cannot be used")


def _find_plugin(context: CheckContext, name: str, table: Mapping[str, Any]) -> ConnectorInfo | None:
    key_path = ("connections", name, "plugin")
    plugin = table.get("plugin")
    installed = sorted(context.plugins.infos)
    if not isinstance(plugin, str):
        context.add_mistake(key_path, "is missing" if plugin is None else "is not a text", allowed=installed)
        return None
    info = context.plugins.infos.get(plugin)
    if info is not None:
        return info
    broken = context.plugins.broken.get(plugin)
    if broken is not None:
        context.add_mistake(
            key_path, f"plugin {plugin!r} is off: {broken.problem}", fix="see: nps-connect plugins list"
        )
    else:
        problem = f"there is no plugin {str(plugin)!r}"
        context.add_mistake(key_path, problem, allowed=installed, nearest=nearest(plugin, installed))
    return None
