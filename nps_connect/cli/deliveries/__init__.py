"""``nps-connect deliveries``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {
    "list": (f"{__name__}.list:list_", "List deliveries, newest first."),
    "show": (f"{__name__}.show:show", "Show one delivery with all attempts."),
    "retry": (f"{__name__}.retry:retry", "Retry dead or held deliveries."),
    "cancel": (f"{__name__}.cancel:cancel", "Cancel pending, held or dead deliveries."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def deliveries() -> None:
    """List, inspect, retry and cancel outbound deliveries."""
