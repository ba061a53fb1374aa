"""Withdraw: an operator gives a delivery up; it is handled then, and nobody is alarmed about it any more."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import update
from sqlmodel import Session, col

from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.deliveries import CancelCode, cancel_text
from nps_connect.services.deliveries.cancel import release_reservations
from nps_connect.services.deliveries.retry import OperatorResult

CANCELLABLE_STATES = ("pending", "held", "dead")


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
    reason = cancel_text(CancelCode.OPERATOR)
    row.state, row.cancel_code, row.finished_at = "cancelled", CancelCode.OPERATOR, now
    row.hold_code = row.hold_detail = None
    row.last_error = reason if row.last_error is None else f"{reason}; before: {row.last_error}"
    if not row.in_doubt:
        release_reservations(session, row, reason=reason, cooldown=cooldown, now=now)
    session.flush()
    session.execute(
        update(DeliveryRow)
        .where(col(DeliveryRow.depends_on_id) == row.id, col(DeliveryRow.state).in_(("held", "pending")))
        .values(
            state="cancelled",
            hold_code=None,
            hold_detail=None,
            finished_at=now,
            cancel_code=CancelCode.DEPENDENCY_CANCELLED,
            last_error=cancel_text(CancelCode.DEPENDENCY_CANCELLED),
        )
        .execution_options(synchronize_session=False)
    )
    return OperatorResult(row)
