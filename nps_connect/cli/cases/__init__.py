"""``nps-connect cases``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {
    "list": (f"{__name__}.list:list_", "List unhappy customers: who waits, who is late, who was won back."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def cases() -> None:
    """Look at the unhappy customers who are to be won back."""
