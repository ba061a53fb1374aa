"""``nps-connect config``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {
    "check": (f"{__name__}.check:check", "Validate the configuration and report all mistakes."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def config() -> None:
    """Validate the configuration."""
