"""``nps-connect contacts``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {
    "show": (f"{__name__}.show:show", "Show one contact: suppressions, bounces, responses."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def contacts() -> None:
    """Show contacts and whether they may be contacted."""
