"""``nps-connect deliveries retry``."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from nps_connect.cli._support.delivery_selection import SelectionTexts, change_selection, selection_options
from nps_connect.cli._support.options import Options, command

TEXTS = SelectionTexts(
    empty="no dead or held deliveries",
    possible="{possible} of {total} can be retried; mail would reach {customers}.",
    question="Send mail to {customers}?",
    done="{deliveries} due now.",
    json_key="retried",
    asks_without_customers=False,
)


@command
@selection_options("dead", "held", "succeeded")
@click.option(
    "--even-if-sent",
    is_flag=True,
    help="Include mail in doubt, which customers may receive twice, and webhooks that were received.",
)
def retry(
    options: Options,
    /,
    even_if_sent: bool,
    **selected: Any,  # noqa: ANN401  # the values of `selection_options`
) -> None:
    """Retry dead or held deliveries now.

    Deliveries in doubt are first looked up at the vendor and not repeated if found there. Mail cannot be looked up: it
    stays held unless --even-if-sent is given. Webhooks that were received are sent again, with the same id, with
    --state succeeded --even-if-sent.
    """
    from nps_connect.services.deliveries.operator_actions import RETRYABLE_STATES, retry_by_operator

    change_selection(
        options, RETRYABLE_STATES, partial(retry_by_operator, even_if_sent=even_if_sent), TEXTS, **selected
    )
