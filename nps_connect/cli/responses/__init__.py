"""``nps-connect responses``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {
    "export": (f"{__name__}.export:export", "Write responses as CSV or JSON, oldest first."),
    "import": (f"{__name__}.import_:import_", "Take in answers from another tool."),
    "list": (f"{__name__}.list:list_", "List responses, newest first; provisional ones only if asked for."),
    "show": (f"{__name__}.show:show", "Show one response with its changes, its visits and their signs of a machine."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def responses() -> None:
    """Look at what customers answered; import and export it."""
