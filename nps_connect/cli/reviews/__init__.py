"""``nps-connect reviews``."""

from __future__ import annotations

import click

from nps_connect.cli.lazy import LazyGroup

COMMANDS = {
    "audit": (f"{__name__}.audit:audit", "Account for every review link: who was shown it, sent it, opened it.")
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def reviews() -> None:
    """Account for review invitations."""
