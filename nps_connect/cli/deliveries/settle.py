"""``nps-connect deliveries settle``."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from nps_connect.cli._support.actor import current_actor
from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.delivery_selection import open_selection, print_results, result_json, selection_options
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import pluralize, print_json


@command
@selection_options
@click.option("--sent/--not-sent", "sent", default=None, help="What the log of the mail server says.")
def settle(
    options: Options,
    /,
    sent: bool | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **selected: Any,  # noqa: ANN401  # ids, texts and moments
) -> None:
    """Settle mail in doubt: the log of the mail server says whether it was sent.

    Look for the Message-ID that `deliveries show` prints. --sent records a success, which starts cooldown and reminder;
    --not-sent makes the mail pending again, after the checks that every mail passes. With --all, all mail in doubt that
    matches the filters.
    """
    from nps_connect.services.deliveries.operator_actions import RETRYABLE_STATES
    from nps_connect.services.deliveries.settle_in_doubt import settle_by_operator

    if sent is None:
        raise click.UsageError("say what the log of the mail server says: --sent or --not-sent")
    outcome = "sent" if sent else "not sent"
    with options.open_application() as application:
        settle_one = partial(settle_by_operator, application.ctx, current_actor(), sent=sent)
        with open_selection(options, selected, RETRYABLE_STATES, settle_one, only_in_doubt=True) as settle_selected:
            results = settle_selected(False)
            possible = [result for result in results if result.refused is None]
            customers = pluralize(len({result.row.contact_id for result in possible}), "customer", "customers")
            if not as_json:
                print_results(results, empty="no mail in doubt")
                click.echo(f"{len(possible)} of {len(results)} can be settled as {outcome}; they concern {customers}.")
            if possible and not dry_run:
                confirm(f"Record {pluralize(len(possible), 'mail', 'mails')} as {outcome}?", yes=yes)
                results = settle_selected(True)
    if as_json:
        print_json({"dry_run": dry_run, "sent": sent, "deliveries": [result_json(r, "settled") for r in results]})
    elif possible and not dry_run:
        settled = sum(result.refused is None for result in results)
        click.echo(f"Recorded as {outcome}: {pluralize(settled, 'mail', 'mails')}.")
    if results and not possible:
        raise click.exceptions.Exit(1)
