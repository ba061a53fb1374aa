"""``nps-connect surveys``."""

from __future__ import annotations

import click

from nps_connect.cli.lazy import LazyGroup

COMMANDS = {
    "preview": (f"{__name__}.preview:preview", "Write a survey's mail to a file, and open it."),
    "send": (f"{__name__}.send:send", "Send a survey's mail as a test, which counts nowhere."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def surveys() -> None:
    """Look at survey mails before customers do."""
