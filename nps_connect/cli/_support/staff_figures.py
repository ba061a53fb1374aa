"""Switch figures about staff on or off."""

from __future__ import annotations

import click

from nps_connect.cli._support.actor import current_actor
from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.options import Options
from nps_connect.cli._support.output import print_json

MIN_REASON_LENGTH = 10


def switch(options: Options, *, enabled: bool, reason: str, yes: bool, as_json: bool) -> None:
    """Ask with the notice of what the law asks, switch, and record it in the audit log."""
    from nps_connect.connection import system_clock
    from nps_connect.services.reports.staff_figures import LEGAL_NOTICE, switch_staff_figures

    text = reason.strip()
    if not MIN_REASON_LENGTH <= len(text) <= 500:
        raise click.BadParameter(f"write {MIN_REASON_LENGTH} to 500 characters", param_hint="--reason")
    with options.open_ledger(writes=True) as (ledger, _):
        if enabled:
            click.echo(LEGAL_NOTICE, err=True)
            confirm("Show figures about staff?", yes=yes)
        with ledger.write() as session:
            switch_staff_figures(session, current_actor(), enabled=enabled, reason=text, now=system_clock())
    if as_json:
        print_json({"enabled": enabled, "reason": text})
    else:
        click.echo(f"Figures about staff are {'on' if enabled else 'off'}.")
