"""``nps-connect deliveries retry``."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.delivery_selection import open_selection, print_results, result_json, selection_options
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import pluralize, print_json


@command
@selection_options
@click.option("--even-if-sent", is_flag=True, help="Include mail in doubt: customers may receive it twice.")
def retry(
    options: Options,
    /,
    even_if_sent: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **selected: Any,  # noqa: ANN401  # ids, texts and moments
) -> None:
    """Retry dead or held deliveries now.

    Deliveries in doubt are first looked up at the vendor and not repeated if found there. Mail cannot be looked up: it
    stays held unless --even-if-sent is given.
    """
    from nps_connect.app.actions import ACTIONS
    from nps_connect.services.deliveries.operator_actions import RETRYABLE_STATES, retry_by_operator

    retry_one = partial(retry_by_operator, even_if_sent=even_if_sent)
    with open_selection(options, selected, RETRYABLE_STATES, retry_one) as retry_selected:
        results = retry_selected(False)
        possible = [result for result in results if result.refused is None]
        customers = len({result.row.contact_id for result in possible if ACTIONS[result.row.action].customer_facing})
        reach = pluralize(customers, "customer", "customers")
        if not as_json:
            print_results(results, empty="no dead or held deliveries")
            click.echo(f"{len(possible)} of {len(results)} can be retried; mail would reach {reach}.")
        if possible and not dry_run:
            if customers:
                confirm(f"Send mail to {reach}?", yes=yes)
            results = retry_selected(True)
    if as_json:
        deliveries = [result_json(result, "retried") for result in results]
        print_json({"dry_run": dry_run, "customers": customers, "deliveries": deliveries})
    elif possible and not dry_run:
        retried = sum(result.refused is None for result in results)
        click.echo(f"{pluralize(retried, 'delivery', 'deliveries')} due now.")
    if results and not possible:
        raise click.exceptions.Exit(1)
