"""``nps-connect connections``."""

from __future__ import annotations

import click

from nps_connect.cli._support.lazy_group import LazyGroup

COMMANDS = {
    "list": (f"{__name__}.list:list_", "List the configured accounts and how they stand."),
    "check": (f"{__name__}.check:check", "Check accounts: reachable, allowed, set up, events coming in."),
    "login": (f"{__name__}.login:login", "Sign in to an account with the consent of somebody at its vendor."),
    "plan": (f"{__name__}.plan:plan", "Show what an account lacks at its vendor."),
    "apply": (f"{__name__}.apply:apply", "Create what an account lacks at its vendor."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def connections() -> None:
    """Check the configured accounts, and set up what they need at their vendors."""
