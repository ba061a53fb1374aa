"""``nps-connect events``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {
    "list": (f"{__name__}.list:list_", "List what came in, newest first."),
    "show": (f"{__name__}.show:show", "Show one event with its decisions."),
    "replay": (f"{__name__}.replay:replay", "Let events go through the walk again, after a fix."),
    "send": (f"{__name__}.send:send", "Make an event by hand."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def events() -> None:
    """Look at what connections told, let it go through the walk again, make events by hand."""
