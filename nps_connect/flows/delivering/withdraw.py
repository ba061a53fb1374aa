"""Withdraw: an operator gives a delivery up; it is handled then, and nobody is alarmed about it any more."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import update
from sqlmodel import Session, col

from nps_connect.flows.delivering.cancel import forsake
from nps_connect.flows.delivering.retry import Retried
from nps_connect.ledger.tables import DeliveryRow

OPEN = ("pending", "held", "dead")
REASON = "cancelled by the operator"


def withdraw(session: Session, row: DeliveryRow, *, cooldown: timedelta, now: datetime) -> Retried:
    """Cancel one delivery, with those that wait for it; a survey gives its cooldown back unless it may have gone out.

    Args:
        session: the transaction.
        row: the delivery, locked.
        cooldown: as configured.
        now: the present moment.
    """
    if row.state not in OPEN:
        return Retried(row, f"it is {row.state}; only pending, held and dead deliveries can be cancelled")
    row.state, row.hold, row.finished_at = "cancelled", None, now
    row.last_error = REASON if row.last_error is None else f"{REASON}; before: {row.last_error}"
    if not row.doubtful:
        forsake(session, row, reason=REASON, cooldown=cooldown, now=now)
    session.flush()
    session.execute(
        update(DeliveryRow)
        .where(col(DeliveryRow.after_id) == row.id, col(DeliveryRow.state).in_(("held", "pending")))
        .values(state="cancelled", hold=None, finished_at=now, last_error="what it waited for was cancelled")
        .execution_options(synchronize_session=False)
    )
    return Retried(row)
