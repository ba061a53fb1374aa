"""``nps-connect bounces``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {
    "read": (f"{__name__}.read:read", "Process bounce reports and complaints from a file or mailbox."),
    "address": (f"{__name__}.address:address", "Print the URL to which a mail server can post reports."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def bounces() -> None:
    """Process bounces and complaints."""
