"""Withdraw: an operator gives a delivery up; it is handled then, and nobody is alarmed about it any more."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import update
from sqlmodel import Session, col

from nps_connect.ledger.tables import DeliveryRow
from nps_connect.services.deliveries.cancel import release_reservations
from nps_connect.services.deliveries.retry import OperatorResult

CANCELLABLE_STATES = ("pending", "held", "dead")
OPERATOR_CANCEL_REASON = "cancelled by the operator"


def cancel_by_operator(session: Session, row: DeliveryRow, *, cooldown: timedelta, now: datetime) -> OperatorResult:
    """Cancel one delivery, with those that wait for it; a survey gives its cooldown back unless it may have gone out.

    Args:
        session: the transaction.
        row: the delivery, locked.
        cooldown: as configured.
        now: the present moment.
    """
    if row.state not in CANCELLABLE_STATES:
        return OperatorResult(row, f"it is {row.state}; only pending, held and dead deliveries can be cancelled")
    row.state, row.hold, row.finished_at = "cancelled", None, now
    row.last_error = (
        OPERATOR_CANCEL_REASON if row.last_error is None else f"{OPERATOR_CANCEL_REASON}; before: {row.last_error}"
    )
    if not row.in_doubt:
        release_reservations(session, row, reason=OPERATOR_CANCEL_REASON, cooldown=cooldown, now=now)
    session.flush()
    session.execute(
        update(DeliveryRow)
        .where(col(DeliveryRow.depends_on_id) == row.id, col(DeliveryRow.state).in_(("held", "pending")))
        .values(state="cancelled", hold=None, finished_at=now, last_error="what it waited for was cancelled")
        .execution_options(synchronize_session=False)
    )
    return OperatorResult(row)
