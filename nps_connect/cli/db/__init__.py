"""``nps-connect db``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {
    "upgrade": (f"{__name__}.upgrade:upgrade", "Create the database's tables, or bring them up to date."),
    "copy": (f"{__name__}.copy:copy", "Copy everything into another, empty database."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def db() -> None:
    """Create the database, bring it up to date, or move it."""
