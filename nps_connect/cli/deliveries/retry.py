"""``nps-connect deliveries retry``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.delivery_selection import (
    load_selected,
    parse_selection,
    print_results,
    require_ids_or_all,
    result_json,
    selection_options,
)
from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, pass_options
from nps_connect.cli._support.output import pluralize, print_json

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.services.deliveries.retry import OperatorResult

CUSTOMER_MAIL = ("send_survey", "invite_review")


@click.command(cls=Command)
@selection_options
@click.option(
    "--even-if-sent", is_flag=True, help="Also mail that may have been sent already: people may get it twice."
)
@click.option("--dry-run", is_flag=True, help="Say what would be tried again, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before mail goes to customers.")
@json_option
@pass_options
def retry(
    options: Options,
    /,
    ids: tuple[int, ...],
    everything: bool,
    even_if_sent: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **filters: Any,  # noqa: ANN401  # texts and moments
) -> None:
    """Try dead or held deliveries again, now.

    An effect that may have happened is looked for at the vendor first, and found there it is not repeated. Mail cannot
    be looked for: what may have been sent already stays held, unless you say --even-if-sent.
    """
    from nps_connect.connection import system_clock
    from nps_connect.services.deliveries.retry import RETRYABLE_STATES
    from nps_connect.services.deliveries.retry import retry as try_again

    require_ids_or_all(ids, everything, filters)
    with options.ledger() as (ledger, settings):
        meant, cooldown = parse_selection(ids, everything, settings, filters), settings.limits.cooldown

        def attempt(session: Session) -> list[OperatorResult]:
            now = system_clock()
            rows = load_selected(session, meant, RETRYABLE_STATES)
            return [try_again(session, row, cooldown=cooldown, now=now, even_if_sent=even_if_sent) for row in rows]

        with ledger.read() as session:
            planned = attempt(session)
        going = [one for one in planned if one.refused is None]
        people = {one.row.contact_id for one in going if one.row.action in CUSTOMER_MAIL}
        if not as_json:
            print_results(planned, empty="nothing is dead or held")
            reach = pluralize(len(people), "customer", "customers")
            click.echo(f"{len(going)} of {len(planned)} can be tried again; mail would reach {reach}.")
        if going and not dry_run:
            if people:
                confirm(f"Send mail to {pluralize(len(people), 'customer', 'customers')}?", yes=yes)
            with ledger.write() as session:
                planned = attempt(session)
    if as_json:
        told = [result_json(one, "retried") for one in planned]
        print_json({"dry_run": dry_run, "customers": len(people), "deliveries": told})
    elif going and not dry_run:
        click.echo(f"Due now: {pluralize(sum(one.refused is None for one in planned), 'delivery', 'deliveries')}.")
    if not going and planned:
        raise click.exceptions.Exit(1)
