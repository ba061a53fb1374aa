"""The identity of the database: a random id and a counter, by which a restored backup is noticed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, func, select
from sqlmodel import Field, Session, col

from nps_connect.ledger.columns import Base, UtcDateTime
from nps_connect.ledger.state_dir import Identity
from nps_connect.ledger.suppressions import SuppressionRow
from nps_connect.ledger.tables import (
    AttemptRow,
    DecisionRow,
    DeliveryRow,
    EventRow,
    InvitationRow,
    PageViewRow,
    RawRequest,
    RevisionRow,
)
from nps_connect.ledger.workers import WorkerRow

RECORDED_MOMENTS = (
    col(RawRequest.received_at),
    col(EventRow.received_at),
    col(DecisionRow.decided_at),
    col(InvitationRow.created_at),
    col(InvitationRow.sent_at),
    col(PageViewRow.at),
    col(RevisionRow.at),
    col(DeliveryRow.created_at),
    col(DeliveryRow.finished_at),
    col(AttemptRow.finished_at),
    col(SuppressionRow.created_at),
    col(WorkerRow.seen_at),
)
"""Columns that hold when the application wrote the row: never planned, never a vendor's time."""


class DatabaseIdentityRow(Base, table=True):
    """The only row of its table.

    Attributes:
        database_id: 32 random hexadecimal digits; a copy keeps it.
        counter: raised at every start and stop of a process, every minute, and after a backup.
        newest_at: while a restore is not dealt with: the newest moment that the restored database held.
    """

    __tablename__ = "database_identity"
    __table_args__ = (CheckConstraint("id = 1", name="single_row"),)

    id: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    database_id: str = Field(max_length=32)
    counter: int = 0
    newest_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


def lock_identity(session: Session) -> DatabaseIdentityRow:
    """Return the identity, locked until the end of the transaction."""
    row: DatabaseIdentityRow = session.execute(select(DatabaseIdentityRow).with_for_update()).scalar_one()
    return row


def raise_counter(session: Session, *, at_least: int = 0) -> Identity:
    """Raise the counter above its value and above `at_least`; returns the new identity."""
    row = lock_identity(session)
    row.counter = max(row.counter, at_least) + 1
    session.flush()
    return Identity(row.database_id, row.counter)


def newest_moment(session: Session, now: datetime) -> datetime | None:
    """Return the newest moment at which anything was stored; None in an empty database.

    A moment in the future, which a wrong clock has left, counts as now.
    """
    stored = (session.execute(select(func.max(column))).scalar() for column in RECORDED_MOMENTS)
    newest = max((moment for moment in stored if moment is not None), default=None)
    return None if newest is None else min(newest, now)
