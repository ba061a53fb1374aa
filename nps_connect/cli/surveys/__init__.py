"""``nps-connect surveys``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {
    "invite": (f"{__name__}.invite:invite", "Send a survey to the people in a CSV file."),
    "preview": (f"{__name__}.preview:preview", "Write a survey's mail to files; nothing is sent."),
    "test": (f"{__name__}.test:test", "Send a test mail; its links record nothing."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def surveys() -> None:
    """Preview and test survey mails; invite people from a CSV file."""
