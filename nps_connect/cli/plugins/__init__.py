"""``nps-connect plugins``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {"list": (f"{__name__}.list:list_", "List the installed plugins, and why broken ones are off.")}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def plugins() -> None:
    """See which plugins are installed."""
