"""``nps-connect deliveries retry``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli.asking import ask
from nps_connect.cli.deliveries.choosing import (
    choice_of,
    choosing_options,
    facts_of,
    find,
    print_planned,
    refuse_neither_and_both,
)
from nps_connect.cli.lazy import Command
from nps_connect.cli.options import Options, json_option, pass_options
from nps_connect.cli.output import counted, print_json

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.flows.delivering.retry import Retried

CUSTOMER_MAIL = ("send_survey", "invite_review")


@click.command(cls=Command)
@choosing_options
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
    from nps_connect.flows.delivering.retry import STOPPED
    from nps_connect.flows.delivering.retry import retry as try_again

    refuse_neither_and_both(ids, everything, filters)
    with options.ledger() as (ledger, settings):
        meant, cooldown = choice_of(ids, everything, settings, filters), settings.limits.cooldown

        def attempt(session: Session) -> list[Retried]:
            now = system_clock()
            rows = find(session, meant, STOPPED)
            return [try_again(session, row, cooldown=cooldown, now=now, even_if_sent=even_if_sent) for row in rows]

        with ledger.read() as session:
            planned = attempt(session)
        going = [one for one in planned if one.refused is None]
        people = {one.row.contact_id for one in going if one.row.action in CUSTOMER_MAIL}
        if not as_json:
            print_planned(planned, empty="nothing is dead or held")
            reach = counted(len(people), "customer", "customers")
            click.echo(f"{len(going)} of {len(planned)} can be tried again; mail would reach {reach}.")
        if going and not dry_run:
            if people:
                ask(f"Send mail to {counted(len(people), 'customer', 'customers')}?", yes=yes)
            with ledger.write() as session:
                planned = attempt(session)
    if as_json:
        told = [facts_of(one, "retried") for one in planned]
        print_json({"dry_run": dry_run, "customers": len(people), "deliveries": told})
    elif going and not dry_run:
        click.echo(f"Due now: {counted(sum(one.refused is None for one in planned), 'delivery', 'deliveries')}.")
    if not going and planned:
        raise click.exceptions.Exit(1)
