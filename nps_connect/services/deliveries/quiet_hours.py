"""Deliveries that wait for the end of quiet hours, when the configuration has changed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col

from nps_connect.ledger.bulk_sql import PENDING
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.actions import HoldCode


def recheck_quiet_hours(session: Session, now: datetime) -> None:
    """Make the deliveries that wait for quiet hours due now: those that are still quiet wait again, with new times."""
    session.execute(
        update(DeliveryRow)
        .where(
            col(DeliveryRow.state) == PENDING,
            col(DeliveryRow.hold_code) == HoldCode.QUIET_HOURS,
            col(DeliveryRow.due_at) > now,
        )
        .values(due_at=now)
        .execution_options(synchronize_session=False)
    )
