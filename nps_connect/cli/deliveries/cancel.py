"""``nps-connect deliveries cancel``."""

from __future__ import annotations

from typing import Any

from nps_connect.cli._support.delivery_selection import SelectionTexts, change_selection, selection_options
from nps_connect.cli._support.options import Options, command

TEXTS = SelectionTexts(
    empty="no pending, held or dead deliveries",
    possible="{possible} of {total} can be cancelled.",
    question="Cancel {deliveries}?",
    done="Cancelled {deliveries}.",
    json_key="cancelled",
)


@command
@selection_options("pending", "held", "dead")
def cancel(options: Options, /, **selected: Any) -> None:  # noqa: ANN401  # the values of `selection_options`
    """Cancel pending, held or dead deliveries. This is final.

    Ends any alarm about them. What the vendor has already received stays there.
    """
    from nps_connect.services.deliveries.operator_actions import CANCELLABLE_STATES, cancel_by_operator

    change_selection(options, CANCELLABLE_STATES, cancel_by_operator, TEXTS, **selected)
