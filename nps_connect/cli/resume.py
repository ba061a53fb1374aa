"""``nps-connect resume``."""

from __future__ import annotations

import click

from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, pass_options
from nps_connect.cli._support.output import pluralize, print_json
from nps_connect.cli._support.pause_scopes import count_waiting, describe_scope, parse_scope, select_scope, set_paused


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
    over the days that follow. SCOPE is mail (if not given), the name of a connection, or queue:CONNECTION/ACTION.
    """
    from nps_connect.ledger import pauses

    with options.ledger() as (ledger, settings):
        found = parse_scope(select_scope(scope, survey), settings)
        deliveries, customers = count_waiting(ledger, found)
        with ledger.read() as session:
            paused = pauses.load_pauses(session).get(found)
        if not as_json and paused is not None:
            reach = pluralize(customers, "customer", "customers")
            click.echo(f"Waiting: {pluralize(deliveries, 'delivery', 'deliveries')}; mail would reach {reach}.")
        changed = False
        if not dry_run:
            if customers and paused is not None:
                confirm(f"Let mail go to {pluralize(customers, 'customer', 'customers')}?", yes=yes)
            with ledger.write() as session:
                changed = set_paused(session, found, None)
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
        click.echo(f"{describe_scope(found)[0].upper()}{describe_scope(found)[1:]} was not paused.")
    elif changed:
        click.echo(
            f"{describe_scope(found)[0].upper()}{describe_scope(found)[1:]} goes on; it was paused because: {paused.reason}."
        )
