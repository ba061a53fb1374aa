"""``nps-connect deliveries cancel``."""

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


@click.command(cls=Command)
@choosing_options
@click.option("--dry-run", is_flag=True, help="Say what would be cancelled, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_options
def cancel(
    options: Options,
    /,
    ids: tuple[int, ...],
    everything: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **filters: Any,  # noqa: ANN401  # texts and moments
) -> None:
    """Give pending, held or dead deliveries up for good.

    An alarm about them ends. What a vendor was already told stays there.
    """
    from nps_connect.connection import system_clock
    from nps_connect.flows.delivering.withdraw import OPEN, withdraw

    refuse_neither_and_both(ids, everything, filters)
    with options.ledger() as (ledger, settings):
        meant = choice_of(ids, everything, settings, filters)

        def attempt(session: Session) -> list[Retried]:
            rest = settings.limits.cooldown
            return [withdraw(session, row, cooldown=rest, now=system_clock()) for row in find(session, meant, OPEN)]

        with ledger.read() as session:
            planned = attempt(session)
        going = [one for one in planned if one.refused is None]
        if not as_json:
            print_planned(planned, empty="nothing is pending, held or dead")
            click.echo(f"{len(going)} of {len(planned)} can be cancelled.")
        if going and not dry_run:
            ask(f"Cancel {counted(len(going), 'delivery', 'deliveries')}?", yes=yes)
            with ledger.write() as session:
                planned = attempt(session)
    if as_json:
        print_json({"dry_run": dry_run, "deliveries": [facts_of(one, "cancelled") for one in planned]})
    elif going and not dry_run:
        done = sum(one.refused is None for one in planned)
        click.echo(f"Cancelled: {counted(done, 'delivery', 'deliveries')}.")
    if not going and planned:
        raise click.exceptions.Exit(1)
