"""``nps-connect contacts``."""

from __future__ import annotations

import click

from nps_connect.cli.lazy import LazyGroup

COMMANDS = {
    "import": (f"{__name__}.import_:import_", "Ask the people of a CSV file, as a campaign."),
    "show": (f"{__name__}.show:show", "Show one person: may they be written to, what came back, what they answered."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def contacts() -> None:
    """Look at the people whom the ledger knows; ask those of a file."""
