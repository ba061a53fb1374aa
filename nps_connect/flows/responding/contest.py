"""Contested answers: two different scores pressed at once. What was planned waits for the next press; none is lost."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.flows.inviting.remind import ACTION as REMINDER
from nps_connect.ledger.tables import DeliveryRow, ResponseRow

CONTESTED = "two different scores were pressed within seconds; waits for the next press"
ANSWERED = "answered meanwhile"
"""Why the reminders of an answered survey are cancelled."""


def contest(session: Session, response: ResponseRow, at: datetime) -> None:
    """Make an answer provisional again and hold what it has led to, as far as it has not happened yet.

    The reminders that it had stopped go on: nobody may have answered.
    """
    response.contested_at = at
    for row in _reminders(session, response):
        row.state, row.last_error, row.finished_at = "pending", None, None
    for row in _planned(session, response, state="pending"):
        if not row.doubtful:
            row.state, row.hold = "held", CONTESTED
    session.flush()


def settle_contest(session: Session, response: ResponseRow) -> set[str]:
    """A later press has confirmed the answer: what was held goes on; its lanes."""
    response.contested_at = None
    lanes = set()
    for row in _planned(session, response, state="held"):
        if row.hold == CONTESTED:
            row.state, row.hold = "pending", None
            lanes.add(row.lane)
    session.flush()
    return lanes


def _planned(session: Session, response: ResponseRow, *, state: str) -> list[DeliveryRow]:
    return list(
        session.execute(
            select(DeliveryRow)
            .where(col(DeliveryRow.response_id) == response.id, col(DeliveryRow.state) == state)
            .with_for_update()
        ).scalars()
    )


def _reminders(session: Session, response: ResponseRow) -> list[DeliveryRow]:
    """The reminders of a survey that its answer has stopped."""
    query = select(DeliveryRow).where(
        col(DeliveryRow.invitation_id) == response.invitation_id,
        col(DeliveryRow.action) == REMINDER,
        col(DeliveryRow.state) == "cancelled",
        col(DeliveryRow.last_error) == ANSWERED,
    )
    return list(session.execute(query.with_for_update()).scalars())
