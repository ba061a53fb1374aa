"""``nps-connect reviews``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {
    "report": (f"{__name__}.report:report", "Count review links by platform and score band: shown, sent, opened."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def reviews() -> None:
    """Report on review invitations."""
