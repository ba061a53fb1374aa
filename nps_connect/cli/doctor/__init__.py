"""``nps-connect doctor``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {"mail": (f"{__name__}.mail:mail", "Send a test mail and check its SPF, DKIM and DMARC results.")}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def doctor() -> None:
    """Check mail deliverability."""
