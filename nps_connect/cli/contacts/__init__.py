"""``nps-connect contacts``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {
    "show": (f"{__name__}.show:show", "Show one person: may they be written to, what came back, what they answered."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def contacts() -> None:
    """Look at the people whom the ledger knows; ask those of a file."""
