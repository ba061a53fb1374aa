"""``nps-connect db check``."""

from __future__ import annotations

import sys

import click

from nps_connect.cli._support.actor import current_actor
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import pluralize, print_json


@command
@click.option("--figures", is_flag=True, help="Compare the daily figures with the responses, too.")
@click.option("--repair", is_flag=True, help="With --figures: correct the figures that differ.")
def check(options: Options, figures: bool, repair: bool, as_json: bool) -> None:
    """Check that the database is whole, has the current schema and is the newest one that this host has seen.

    The daily figures are those that the responses give with the time zone, dimensions and teams of the configuration.
    Changes nothing without --repair. SQLite reads the whole file. Exit code 1 if there is a problem.
    """
    if repair and not figures:
        raise click.UsageError("--repair needs --figures")
    from nps_connect.app.application import open_ledger
    from nps_connect.connection import system_clock
    from nps_connect.ledger.audit_log import record_audit
    from nps_connect.ledger.state_dir import open_state_dir
    from nps_connect.rules.dimensions import build_dimension_rules
    from nps_connect.services.operations.backup import find_problems
    from nps_connect.services.operations.figures import correct_figures, find_differences

    settings = options.load_settings(needs_secrets=False)
    rules = build_dimension_rules(settings)
    ledger, corrected = open_ledger(settings), 0
    try:
        problems = find_problems(ledger, open_state_dir(settings))
        if repair and not problems:
            corrected = len(correct_figures(ledger, settings.core.zone, rules))
            with ledger.write() as session:
                record_audit(session, current_actor(), "db check --repair", "daily_figures", now=system_clock())
        elif figures and not problems:
            problems = [difference.problem for difference in find_differences(ledger, settings.core.zone, rules)]
    finally:
        ledger.close()
    if as_json:
        print_json({"ok": not problems, "problems": problems, "corrected_figures": corrected})
    elif problems:
        click.echo("\n".join(problems))
    else:
        click.echo("The database is whole and the newest of this host.")
        if figures:
            is_equal = "The daily figures equal the responses"
            changed = f", after {pluralize(corrected, 'correction', 'corrections')}" if corrected else ""
            click.echo(f"{is_equal}{changed}.")
    if problems:
        sys.exit(1)
