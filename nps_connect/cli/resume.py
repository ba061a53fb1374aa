"""``nps-connect resume``."""

from __future__ import annotations

import click

from nps_connect.cli.asking import ask
from nps_connect.cli.lazy import Command
from nps_connect.cli.options import Options, json_option, pass_options
from nps_connect.cli.output import counted, print_json
from nps_connect.cli.pausing import change, one_of, scope_of, told, waiting


@click.command(cls=Command)
@click.argument("scope", required=False)
@click.option("--survey", metavar="NAME", help="Only the mail of this survey.")
@click.option("--dry-run", is_flag=True, help="Say how many people it would reach, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before mail goes to customers.")
@json_option
@pass_options
def resume(options: Options, scope: str | None, survey: str | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Let go on what was paused, by an operator or by a vendor that refused our credentials.

    Says how much mail waits and how many people it would reach, and asks. What is more than surveys_per_day is spread
    over the days that follow. SCOPE is mail (if not given), the name of a connection, or lane:CONNECTION/ACTION.
    """
    from nps_connect.ledger import pauses

    with options.ledger() as (ledger, settings):
        found = scope_of(one_of(scope, survey), settings)
        deliveries, customers = waiting(ledger, found)
        with ledger.read() as session:
            paused = pauses.current(session).get(found)
        if not as_json and paused is not None:
            reach = counted(customers, "customer", "customers")
            click.echo(f"Waiting: {counted(deliveries, 'delivery', 'deliveries')}; mail would reach {reach}.")
        changed = False
        if not dry_run:
            if customers and paused is not None:
                ask(f"Let mail go to {counted(customers, 'customer', 'customers')}?", yes=yes)
            with ledger.write() as session:
                changed = change(session, found, None)
    if as_json:
        print_json(
            {
                "scope": found,
                "paused": paused is not None and not changed,
                "changed": changed,
                "waiting": deliveries,
                "customers": customers,
                "reason": paused.reason if paused else None,
            }
        )
    elif paused is None:
        click.echo(f"{told(found)[0].upper()}{told(found)[1:]} was not paused.")
    elif changed:
        click.echo(f"{told(found)[0].upper()}{told(found)[1:]} goes on; it was paused because: {paused.reason}.")
