"""The tables of cases: detractors to win back, and what staff did about them."""

from __future__ import annotations

from datetime import datetime
from typing import get_args

from sqlalchemy import JSON, CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from nps_connect.ledger.columns import Base, BigId, UtcDateTime
from nps_connect.records.actions import CallOutcome, CaseEntryKind


class CaseRow(Base, table=True):
    """A detractor to win back: opened with the ticket and solved by the helpdesk, or without one by staff.

    Attributes:
        connection, ticket_id: the current ticket of the case (a closed one is replaced by a follow-up ticket); None for
            a case without a helpdesk.
        owner: the contact's owner in the CRM, if known.
        assigned_to: address of the member of staff who has the case: of the owner in the CRM until somebody else is
            named.
        deadline: when a reply is due.
        next_contact_at: when the customer is to be called again.
        remedies: what was done for the customer, of `records.actions.REMEDIES`.
        changed_at: when staff or the helpdesk last solved or reopened it; older events of the helpdesk are ignored.
        solved_by: the user who solved it here; None if the helpdesk did.
        first_reply_minutes, solve_minutes: as measured by the helpdesk, else from our own times.
        reopened: number of times it was reopened.
        revision: 1 for the new case, one more for each change that contact records are told.
        handled_by: name of the agent who had the ticket at the last change that the helpdesk reported, if it told one.
        overdue_notified_at: when staff were notified that the deadline passed.
        escalated_at: when the second address was notified of it.
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
    connection: str | None = Field(default=None, max_length=40)
    ticket_id: str | None = Field(default=None, max_length=300)
    owner: str | None = Field(default=None, max_length=200)
    assigned_to: str | None = Field(default=None, max_length=320)
    state: str = Field(default="open", max_length=20)
    opened_at: datetime = Field(sa_type=UtcDateTime)
    deadline: datetime | None = Field(default=None, sa_type=UtcDateTime)
    next_contact_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    remedies: list[str] | None = Field(default=None, sa_type=JSON)
    changed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    solved_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    solved_by: str | None = Field(default=None, max_length=100)
    first_reply_minutes: int | None = None
    solve_minutes: int | None = None
    reopened: int = 0
    revision: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    handled_by: str | None = Field(default=None, max_length=200)
    overdue_notified_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    escalated_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    follow_up_id: int | None = Field(
        default=None, foreign_key="survey_invitations.id", sa_type=BigId, nullable=True, index=True
    )
    recovered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    recovered_score: int | None = None


def _one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(map(repr, values))})", name=column)


class CaseEntryRow(Base, table=True):
    """One thing that a member of staff did about a case. Append-only; an erasure empties the texts.

    Attributes:
        actor_kind, actor_name: who did it, as in `audit_log`.
        text: a note, or what was said.
        call_outcome: for `called`.
        next_contact_at: when the customer is to be called again.
        assigned_to: for `assigned`: the new address; None if nobody has the case now.
        remedies: for `solved`: what was done.
    """

    __tablename__ = "case_entries"
    __table_args__ = (
        _one_of("kind", get_args(CaseEntryKind)),
        _one_of("call_outcome", get_args(CallOutcome)),
        Index("ix_case_entries_case_id", "case_id"),
        Index("ix_case_entries_at", "at"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    case_id: int = Field(foreign_key="cases.id", sa_type=BigId)
    at: datetime = Field(sa_type=UtcDateTime)
    kind: str = Field(max_length=20)
    actor_kind: str = Field(max_length=10)
    actor_name: str = Field(max_length=100)
    text: str | None = None
    call_outcome: str | None = Field(default=None, max_length=20)
    next_contact_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    assigned_to: str | None = Field(default=None, max_length=320)
    remedies: list[str] | None = Field(default=None, sa_type=JSON)
