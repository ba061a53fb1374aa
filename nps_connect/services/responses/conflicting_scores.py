"""Contested answers: two different scores pressed at once. What was planned waits for the next press; none is lost."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.tables import DeliveryRow, ResponseRow
from nps_connect.records.deliveries import CancelCode, HoldCode
from nps_connect.services.invitations.reminders import REMINDER_ACTION as REMINDER


def mark_conflicting(session: Session, response: ResponseRow, at: datetime) -> None:
    """Make an answer provisional again and hold what it has led to, as far as it has not happened yet.

    The reminders that it had stopped go on: nobody may have answered.
    """
    response.conflicting_at = at
    for row in _load_cancelled_reminders(session, response):
        row.state, row.last_error, row.finished_at, row.cancel_code = "pending", None, None, None
    for row in _load_deliveries(session, response, state="pending"):
        if not row.in_doubt:
            row.state, row.hold_code = "held", HoldCode.CONFLICTING_SCORES
    session.flush()


def resolve_conflict(session: Session, response: ResponseRow) -> set[str]:
    """A later press has confirmed the answer: what was held goes on; its queues."""
    response.conflicting_at = None
    queues = set()
    for row in _load_deliveries(session, response, state="held"):
        if row.hold_code == HoldCode.CONFLICTING_SCORES:
            row.state, row.hold_code = "pending", None
            queues.add(row.queue_name)
    session.flush()
    return queues


def _load_deliveries(session: Session, response: ResponseRow, *, state: str) -> list[DeliveryRow]:
    return list(
        session.execute(
            select(DeliveryRow)
            .where(col(DeliveryRow.response_id) == response.id, col(DeliveryRow.state) == state)
            .with_for_update()
        ).scalars()
    )


def _load_cancelled_reminders(session: Session, response: ResponseRow) -> list[DeliveryRow]:
    """The reminders of a survey that its answer has stopped."""
    query = select(DeliveryRow).where(
        col(DeliveryRow.invitation_id) == response.invitation_id,
        col(DeliveryRow.action) == REMINDER,
        col(DeliveryRow.state) == "cancelled",
        col(DeliveryRow.cancel_code) == CancelCode.ANSWERED,
    )
    return list(session.execute(query.with_for_update()).scalars())
