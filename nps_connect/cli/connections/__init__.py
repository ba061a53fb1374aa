"""``nps-connect connections``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {
    "list": (f"{__name__}.list:list_", "List connections and their state."),
    "check": (f"{__name__}.check:check", "Check credentials, permissions, setup and incoming events."),
    "login": (f"{__name__}.login:login", "Authorize access to a vendor account (OAuth consent)."),
    "plan": (f"{__name__}.plan:plan", "Show missing objects in a vendor account."),
    "apply": (f"{__name__}.apply:apply", "Create missing objects in a vendor account."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def connections() -> None:
    """Check connections and set up their vendor accounts."""
