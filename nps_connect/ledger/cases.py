"""The table of cases: detractors to be won back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from nps_connect.ledger.columns import Base, BigId, UtcDateTime


class CaseRow(Base, table=True):
    """A detractor to be won back: opened with the ticket, solved when the helpdesk says so.

    Attributes:
        connection, ticket_id: the ticket that now stands for the case (a closed one is followed up by another).
        owner: who looks after the customer in the CRM, if known.
        deadline: until when an answer was promised.
        changed_at: when the helpdesk last solved or reopened the ticket; older news do not count.
        first_reply_minutes, solve_minutes: as the helpdesk measured, else from our own times.
        reopened: how often it was opened again.
        overdue_notified_at: when staff were told that the deadline has passed.
        follow_up_id: the survey invitation that asks the customer once more.
        recovered_at: when the customer gave a better score.
        recovered_score: that score.
    """

    __tablename__ = "cases"
    __table_args__ = (
        UniqueConstraint("response_id"),
        CheckConstraint("state IN ('open', 'solved')", name="state"),
        Index("ix_cases_connection_ticket_id", "connection", "ticket_id"),
        Index("ix_cases_state_deadline", "state", "deadline"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    response_id: int = Field(foreign_key="responses.id", sa_type=BigId)
    contact_id: int = Field(foreign_key="contacts.id", sa_type=BigId, index=True)
    connection: str = Field(max_length=40)
    ticket_id: str = Field(max_length=300)
    owner: str | None = Field(default=None, max_length=200)
    state: str = Field(default="open", max_length=20)
    opened_at: datetime = Field(sa_type=UtcDateTime)
    deadline: datetime | None = Field(default=None, sa_type=UtcDateTime)
    changed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    solved_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    first_reply_minutes: int | None = None
    solve_minutes: int | None = None
    reopened: int = 0
    overdue_notified_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    follow_up_id: int | None = Field(
        default=None, foreign_key="survey_invitations.id", sa_type=BigId, nullable=True, index=True
    )
    recovered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    recovered_score: int | None = None
