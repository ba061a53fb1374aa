"""``nps-connect cases``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {"list": (f"{__name__}.list:list_", "List detractor cases: open, overdue, solved, recovered.")}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def cases() -> None:
    """List detractor cases and their recovery status."""
