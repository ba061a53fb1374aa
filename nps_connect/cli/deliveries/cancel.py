"""``nps-connect deliveries cancel``."""

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
@click.option("--dry-run", is_flag=True, help="Show what would be cancelled; change nothing.")
@yes_option
def cancel(
    options: Options,
    /,
    ids: tuple[int, ...],
    select_all: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **filters: Any,  # noqa: ANN401  # texts and moments
) -> None:
    """Cancel pending, held or dead deliveries. This is final.

    Ends any alarm about them. What the vendor has already received stays there.
    """
    from nps_connect.app.actions import ACTIONS
    from nps_connect.connection import system_clock
    from nps_connect.services.deliveries.operator_actions import CANCELLABLE_STATES, cancel_by_operator

    with options.open_ledger() as (ledger, settings):
        selection = parse_selection(ids, select_all, settings, filters)

        def cancel_selected(session: Session) -> list[OperatorResult]:
            now = system_clock()
            rows = load_selected(session, selection, CANCELLABLE_STATES)
            return [cancel_by_operator(session, row, actions=ACTIONS, settings=settings, now=now) for row in rows]

        with ledger.read() as session:
            results = cancel_selected(session)
        possible = sum(result.refused is None for result in results)
        if not as_json:
            print_results(results, empty="no pending, held or dead deliveries")
            click.echo(f"{possible} of {len(results)} can be cancelled.")
        if possible and not dry_run:
            confirm(f"Cancel {pluralize(possible, 'delivery', 'deliveries')}?", yes=yes)
            with ledger.write() as session:
                results = cancel_selected(session)
    if as_json:
        print_json({"dry_run": dry_run, "deliveries": [result_json(result, "cancelled") for result in results]})
    elif possible and not dry_run:
        cancelled = sum(result.refused is None for result in results)
        click.echo(f"Cancelled {pluralize(cancelled, 'delivery', 'deliveries')}.")
    if results and not possible:
        raise click.exceptions.Exit(1)
