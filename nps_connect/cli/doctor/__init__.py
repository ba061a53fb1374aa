"""``nps-connect doctor``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {
    "mail": (f"{__name__}.mail:mail", "Send a mail, and read from its copy whether it was signed as it should be."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def doctor() -> None:
    """Find out whether mail arrives as it should."""
