"""``nps-connect plugins``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {
    "list": (f"{__name__}.list:list_", "List installed plugins and why broken ones are disabled."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def plugins() -> None:
    """List installed plugins."""
