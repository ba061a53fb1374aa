"""``nps-connect surveys``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {
    "invite": (f"{__name__}.invite:invite", "Send a survey to the people of a CSV file."),
    "preview": (f"{__name__}.preview:preview", "Write a survey's mail to a file, and open it."),
    "test": (f"{__name__}.test:test", "Send a test mail of a survey; its links record nothing."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def surveys() -> None:
    """Look at survey mails before customers do."""
