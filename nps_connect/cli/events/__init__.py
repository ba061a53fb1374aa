"""``nps-connect events``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {
    "list": (f"{__name__}.list:list_", "List events or raw webhooks, newest first."),
    "show": (f"{__name__}.show:show", "Show one event with its decisions and deliveries."),
    "replay": (f"{__name__}.replay:replay", "Reprocess events after a fix."),
    "send": (f"{__name__}.send:send", "Create an event manually."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def events() -> None:
    """List, replay and create inbound events."""
