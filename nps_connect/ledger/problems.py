"""Problems: what makes customers unhappy, who fixes it until when, and whether the fix worked."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Date, Index
from sqlmodel import JSON, Field

from nps_connect.ledger.columns import Base, BigId, UtcDateTime


class ProblemRow(Base, table=True):
    """One problem. Its evaluation is planned when the date of the fix is entered, and carried out once.

    Attributes:
        title: what is wrong, in a few words.
        note, fix_note: further details; what was changed.
        cause_kind: `group` (the score of those concerned), `theme` or `choice` (the share of those who name it).
        cause: for `theme` its ``theme``, for `choice` its ``question`` and ``choice``; else empty.
        concerned: facts known before the answer, as parameters of a `ResponseFilter`: ``{"d.location": "Lyon"}``.
        owner: who looks after it.
        evidence_first, evidence_last: the days whose figures led to the problem.
        opened_by, fix_entered_by, closed_by: names of staff.
        fixed_on: when the fix took effect.
        before: spans of days, each with its first and last day.
        after_first, after_last: the days after the fix that are compared.
        due_on: the first day on which the evaluation is carried out.
        evaluation: verdict and figures; None before.
    """

    __tablename__ = "problems"
    __table_args__ = (
        CheckConstraint("cause_kind IN ('group', 'theme', 'choice')", name="cause_kind"),
        Index("ix_problems_due_on", "due_on"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    title: str = Field(max_length=120)
    note: str | None = None
    cause_kind: str = Field(max_length=10)
    cause: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    concerned: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    owner: str = Field(max_length=200)
    deadline: date = Field(sa_type=Date)
    evidence_first: date = Field(sa_type=Date)
    evidence_last: date = Field(sa_type=Date)
    opened_at: datetime = Field(sa_type=UtcDateTime)
    opened_by: str = Field(max_length=100)
    fixed_on: date | None = Field(default=None, sa_type=Date)
    fix_note: str | None = None
    fix_entered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    fix_entered_by: str | None = Field(default=None, max_length=100)
    before: list[list[str]] = Field(default_factory=list, sa_type=JSON)
    after_first: date | None = Field(default=None, sa_type=Date)
    after_last: date | None = Field(default=None, sa_type=Date)
    due_on: date | None = Field(default=None, sa_type=Date)
    evaluated_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    evaluation: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_by: str | None = Field(default=None, max_length=100)
