"""``nps-connect deliveries settle``."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from nps_connect.cli._support.actor import current_actor
from nps_connect.cli._support.delivery_selection import SelectionTexts, change_selection, selection_options
from nps_connect.cli._support.options import Options, command


@command
@selection_options("dead", "held")
@click.option("--sent/--not-sent", "sent", default=None, help="What the log of the mail server says.")
def settle(
    options: Options,
    /,
    sent: bool | None,
    **selected: Any,  # noqa: ANN401  # the values of `selection_options`
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
    texts = SelectionTexts(
        empty="no mail in doubt",
        possible=f"{{possible}} of {{total}} can be settled as {outcome}; they concern {{customers}}.",
        question=f"Record {{mails}} as {outcome}?",
        done=f"Recorded as {outcome}: {{mails}}.",
        json_key="settled",
    )
    with options.open_application() as application:
        settle_one = partial(settle_by_operator, application.ctx, current_actor(), sent=sent)
        change_selection(
            options, RETRYABLE_STATES, settle_one, texts, only_in_doubt=True, is_audited_by_row=True, **selected
        )
