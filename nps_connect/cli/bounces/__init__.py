"""``nps-connect bounces``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {
    "read": (f"{__name__}.read:read", "Read reports of mail that came back, from a file or mailbox."),
    "address": (f"{__name__}.address:address", "Print the address where a mail server may post such reports."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def bounces() -> None:
    """Take mail that came back, and complaints."""
