"""``nps-connect staff-figures show``."""

from __future__ import annotations

import click

from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import format_time, print_json


@command
def show(options: Options, as_json: bool) -> None:
    """Show whether figures about staff are on, since when and why, and what the law asks."""
    from nps_connect.services.reports.staff_figures import LEGAL_NOTICE, load_staff_figures

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        decision = load_staff_figures(session)
    if as_json:
        enabled = decision is not None and decision.enabled
        since, reason = (decision.since, decision.reason) if decision is not None else (None, None)
        print_json({"enabled": enabled, "since": since, "reason": reason})
        return
    if decision is None:
        click.echo("Figures about staff are off.")
    else:
        state = "on" if decision.enabled else "off"
        since_text = format_time(decision.since, settings.core.zone)
        click.echo(f"Figures about staff are {state} since {since_text}: {decision.reason}")
    click.echo(LEGAL_NOTICE)
