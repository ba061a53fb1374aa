"""``nps-connect deliveries expedite``."""

from __future__ import annotations

from functools import partial
from typing import Any

from nps_connect.cli._support.actor import current_actor
from nps_connect.cli._support.delivery_selection import SelectionTexts, change_selection, selection_options
from nps_connect.cli._support.options import Options, command

TEXTS = SelectionTexts(
    empty="nothing waits",
    possible="{possible} of {total} can be sent now; mail would reach {customers}.",
    question="Send mail to {customers} now, in spite of quiet hours and daily caps?",
    done="{deliveries} due now.",
    json_key="expedited",
    asks_without_customers=False,
)


@command
@selection_options("pending")
def expedite(options: Options, /, **selected: Any) -> None:  # noqa: ANN401  # the values of `selection_options`
    """Send now what waits: after a failed try, for quiet hours, a daily cap or a delay.

    Never sends to people who are suppressed or in cooldown, nor what is paused. The audit log keeps who did it.
    """
    from nps_connect.services.deliveries.expedite import EXPEDITABLE_STATES, expedite_by_operator

    expedite_one = partial(expedite_by_operator, current_actor())
    change_selection(options, EXPEDITABLE_STATES, expedite_one, TEXTS, is_audited_by_row=True, **selected)
