"""``nps-connect triggers``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {
    "simulate": (
        f"{__name__}.simulate:simulate",
        "Evaluate triggers against recorded events; nothing is sent or written.",
    ),
    "release": (f"{__name__}.release:release", "Release everyone held by a trigger."),
    "refuse": (f"{__name__}.refuse:refuse", "Permanently reject everyone held by a trigger."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def triggers() -> None:
    """Simulate triggers; release or reject held ones."""
