"""``nps-connect responses``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {
    "export": (f"{__name__}.export:export", "Export responses as CSV or JSON, oldest first."),
    "import": (f"{__name__}.import_:import_", "Import responses from another tool."),
    "list": (f"{__name__}.list:list_", "List responses, newest first."),
    "show": (f"{__name__}.show:show", "Show one response with its revisions and page views."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def responses() -> None:
    """List, import and export survey responses."""
