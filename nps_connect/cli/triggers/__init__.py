"""``nps-connect triggers``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {
    "simulate": (f"{__name__}.simulate:simulate", "Run the rules over recorded events; nothing is sent or written."),
    "release": (f"{__name__}.release:release", "Let a held trigger reach its people."),
    "refuse": (f"{__name__}.refuse:refuse", "Say no to the people of a held trigger."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def triggers() -> None:
    """Try triggers on recorded events; answer for those that are held."""
