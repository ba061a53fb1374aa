"""``nps-connect workers``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {
    "list": (f"{__name__}.list:list_", "List processes and the queues they are working on."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def workers() -> None:
    """List running processes on all hosts."""
