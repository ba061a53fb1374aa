"""``nps-connect db``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {
    "upgrade": (f"{__name__}.upgrade:upgrade", "Create the tables or upgrade the schema. Idempotent."),
    "copy": (f"{__name__}.copy:copy", "Copy all data to another, empty database."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def db() -> None:
    """Create, upgrade or copy the database."""
