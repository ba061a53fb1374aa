"""``nps-connect deliveries retry``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.delivery_selection import (
    load_selected,
    parse_selection,
    print_results,
    result_json,
    selection_options,
)
from nps_connect.cli._support.options import Options, command, yes_option
from nps_connect.cli._support.output import pluralize, print_json

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.services.deliveries.operator_actions import OperatorResult


@command
@selection_options
@click.option("--even-if-sent", is_flag=True, help="Include mail in doubt: customers may receive it twice.")
@click.option("--dry-run", is_flag=True, help="Show what would be retried; change nothing.")
@yes_option
def retry(
    options: Options,
    /,
    ids: tuple[int, ...],
    select_all: bool,
    even_if_sent: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **filters: Any,  # noqa: ANN401  # texts and moments
) -> None:
    """Retry dead or held deliveries now.

    Deliveries in doubt are first looked up at the vendor and not repeated if found there. Mail cannot be looked up: it
    stays held unless --even-if-sent is given.
    """
    from nps_connect.app.actions import ACTIONS
    from nps_connect.connection import system_clock
    from nps_connect.services.deliveries.operator_actions import RETRYABLE_STATES, retry_by_operator

    with options.open_ledger() as (ledger, settings):
        selection = parse_selection(ids, select_all, settings, filters)

        def retry_selected(session: Session) -> list[OperatorResult]:
            now = system_clock()
            rows = load_selected(session, selection, RETRYABLE_STATES)
            return [
                retry_by_operator(session, row, actions=ACTIONS, settings=settings, now=now, even_if_sent=even_if_sent)
                for row in rows
            ]

        with ledger.read() as session:
            results = retry_selected(session)
        possible = [result for result in results if result.refused is None]
        customers = len({result.row.contact_id for result in possible if ACTIONS[result.row.action].customer_facing})
        if not as_json:
            print_results(results, empty="no dead or held deliveries")
            reach = pluralize(customers, "customer", "customers")
            click.echo(f"{len(possible)} of {len(results)} can be retried; mail would reach {reach}.")
        if possible and not dry_run:
            if customers:
                confirm(f"Send mail to {pluralize(customers, 'customer', 'customers')}?", yes=yes)
            with ledger.write() as session:
                results = retry_selected(session)
    if as_json:
        deliveries = [result_json(result, "retried") for result in results]
        print_json({"dry_run": dry_run, "customers": customers, "deliveries": deliveries})
    elif possible and not dry_run:
        retried = sum(result.refused is None for result in results)
        click.echo(f"{pluralize(retried, 'delivery', 'deliveries')} due now.")
    if results and not possible:
        raise click.exceptions.Exit(1)
