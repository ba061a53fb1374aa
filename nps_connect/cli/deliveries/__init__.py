"""``nps-connect deliveries``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {
    "list": (f"{__name__}.list:list_", "List deliveries, newest first."),
    "show": (f"{__name__}.show:show", "Show one delivery with every try."),
    "retry": (f"{__name__}.retry:retry", "Try dead or held deliveries again."),
    "cancel": (f"{__name__}.cancel:cancel", "Give pending, held or dead deliveries up."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def deliveries() -> None:
    """Look at every effect outside the application, try failed ones again, or give them up."""
