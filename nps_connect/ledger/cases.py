"""The table of cases: detractors to win back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from nps_connect.ledger.columns import Base, BigId, UtcDateTime


class CaseRow(Base, table=True):
    """A detractor to win back: opened with the ticket, solved by the helpdesk.

    Attributes:
        connection, ticket_id: the current ticket of the case (a closed one is replaced by a follow-up ticket).
        owner: the contact's owner in the CRM, if known.
        deadline: when a reply is due.
        changed_at: when the helpdesk last solved or reopened the ticket; older events are ignored.
        first_reply_minutes, solve_minutes: as measured by the helpdesk, else from our own times.
        reopened: number of times it was reopened.
        revision: 1 for the new case, one more for each change that contact records are told.
        handled_by: name of the agent who had the ticket at the last change that the helpdesk reported, if it told one.
        overdue_notified_at: when staff were notified that the deadline passed.
        follow_up_id: the invitation of the recovery survey.
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
    revision: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    handled_by: str | None = Field(default=None, max_length=200)
    overdue_notified_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    follow_up_id: int | None = Field(
        default=None, foreign_key="survey_invitations.id", sa_type=BigId, nullable=True, index=True
    )
    recovered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    recovered_score: int | None = None
