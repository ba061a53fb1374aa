"""Observing: hear of what happened. Each observer is called alone; its failures are logged and change nothing."""

from __future__ import annotations

from nps_connect.hookspecs.markers import hookspec
from nps_connect.records.deliveries import Action, Receipt
from nps_connect.records.responses import AnsweredContact


@hookspec
def nps_response_recorded(answered: AnsweredContact) -> None:
    """Hear of a confirmed answer or a new revision of it, after it was stored.

    Raises:
        Nothing on purpose: an exception is logged.
    """


@hookspec
def nps_delivery_finished(connection_name: str, action: Action, state: str, receipt: Receipt | None) -> None:
    """Hear of a delivery that ended (`succeeded`, `skipped`, `dead`, `cancelled`) or was `held`.

    Raises:
        Nothing on purpose: an exception is logged.
    """
