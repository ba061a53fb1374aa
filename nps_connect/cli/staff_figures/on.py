"""``nps-connect staff-figures on``."""

from __future__ import annotations

import click

from nps_connect.cli._support.options import Options, command, yes_option
from nps_connect.cli._support.staff_figures import MIN_REASON_LENGTH, switch


@command
@click.option("--reason", required=True, help=f"Recorded in the audit log; at least {MIN_REASON_LENGTH} characters.")
@yes_option
def on(options: Options, reason: str, yes: bool, as_json: bool) -> None:
    """Show figures by owner and of teams with fewer than three members."""
    switch(options, enabled=True, reason=reason, yes=yes, as_json=as_json)
