"""``nps-connect deliveries cancel``."""

from __future__ import annotations

from typing import Any

import click

from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.delivery_selection import open_selection, print_results, result_json, selection_options
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import pluralize, print_json


@command
@selection_options
def cancel(
    options: Options,
    /,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **selected: Any,  # noqa: ANN401  # ids, texts and moments
) -> None:
    """Cancel pending, held or dead deliveries. This is final.

    Ends any alarm about them. What the vendor has already received stays there.
    """
    from nps_connect.services.deliveries.operator_actions import CANCELLABLE_STATES, cancel_by_operator

    with open_selection(options, selected, CANCELLABLE_STATES, cancel_by_operator) as cancel_selected:
        results = cancel_selected(False)
        possible = sum(result.refused is None for result in results)
        if not as_json:
            print_results(results, empty="no pending, held or dead deliveries")
            click.echo(f"{possible} of {len(results)} can be cancelled.")
        if possible and not dry_run:
            confirm(f"Cancel {pluralize(possible, 'delivery', 'deliveries')}?", yes=yes)
            results = cancel_selected(True)
    if as_json:
        print_json({"dry_run": dry_run, "deliveries": [result_json(result, "cancelled") for result in results]})
    elif possible and not dry_run:
        cancelled = sum(result.refused is None for result in results)
        click.echo(f"Cancelled {pluralize(cancelled, 'delivery', 'deliveries')}.")
    if results and not possible:
        raise click.exceptions.Exit(1)
