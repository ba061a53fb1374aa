"""``nps-connect workers``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {"list": (f"{__name__}.list:list_", "List the processes that live, and what they do.")}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def workers() -> None:
    """See the processes at work, on this machine and on others."""
