"""``nps-connect deliveries cancel``."""

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


@click.command(cls=Command)
@selection_options
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
    from nps_connect.services.deliveries.operator_cancel import CANCELLABLE_STATES, cancel_by_operator

    require_ids_or_all(ids, everything, filters)
    with options.ledger() as (ledger, settings):
        meant = parse_selection(ids, everything, settings, filters)

        def attempt(session: Session) -> list[OperatorResult]:
            rest = settings.limits.cooldown
            return [
                cancel_by_operator(session, row, cooldown=rest, now=system_clock())
                for row in load_selected(session, meant, CANCELLABLE_STATES)
            ]

        with ledger.read() as session:
            planned = attempt(session)
        going = [one for one in planned if one.refused is None]
        if not as_json:
            print_results(planned, empty="nothing is pending, held or dead")
            click.echo(f"{len(going)} of {len(planned)} can be cancelled.")
        if going and not dry_run:
            confirm(f"Cancel {pluralize(len(going), 'delivery', 'deliveries')}?", yes=yes)
            with ledger.write() as session:
                planned = attempt(session)
    if as_json:
        print_json({"dry_run": dry_run, "deliveries": [result_json(one, "cancelled") for one in planned]})
    elif going and not dry_run:
        done = sum(one.refused is None for one in planned)
        click.echo(f"Cancelled: {pluralize(done, 'delivery', 'deliveries')}.")
    if not going and planned:
        raise click.exceptions.Exit(1)
