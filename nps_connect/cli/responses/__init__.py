"""``nps-connect responses``."""

from __future__ import annotations

import click

from nps_connect.cli.lazy import LazyGroup

COMMANDS = {"list": (f"{__name__}.list:list_", "List responses, newest first; provisional ones only if asked for.")}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def responses() -> None:
    """Look at what customers answered."""
