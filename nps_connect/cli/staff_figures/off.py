"""``nps-connect staff-figures off``."""

from __future__ import annotations

import click

from nps_connect.cli._support.options import Options, command, yes_option
from nps_connect.cli._support.staff_figures import MIN_REASON_LENGTH, switch


@command
@click.option("--reason", required=True, help=f"Recorded in the audit log; at least {MIN_REASON_LENGTH} characters.")
@yes_option
def off(options: Options, reason: str, yes: bool, as_json: bool) -> None:
    """Hide figures by owner and of teams with fewer than three members."""
    switch(options, enabled=False, reason=reason, yes=yes, as_json=as_json)
