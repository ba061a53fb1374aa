"""Digests: what became of each, who has left one, and alarms about scores."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, Index, UniqueConstraint
from sqlmodel import Field

from nps_connect.ledger.columns import Base, BigId, UtcDateTime


class DigestRow(Base, table=True):
    """What became of the digest of one period and scope: written once.

    Attributes:
        period: see `rules.digest_period.DigestPeriod.name`.
        scope: name of the team; empty for the whole company.
        state: `enqueued` or `skipped`.
        reason: why it was skipped, one of `SKIP_REASONS`.
        recipients: number of people it was enqueued for.
    """

    __tablename__ = "digests"
    __table_args__ = (
        CheckConstraint("state IN ('enqueued', 'skipped')", name="state"),
        UniqueConstraint("period", "scope"),
        Index("ix_digests_created_at", "created_at"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    period: str = Field(max_length=30)
    scope: str = Field(max_length=40)
    state: str = Field(max_length=10)
    reason: str | None = Field(default=None, max_length=30)
    recipients: int = 0
    created_at: datetime = Field(sa_type=UtcDateTime)


class DigestOptOutRow(Base, table=True):
    """A recipient who has left the digest of one scope; `mailbox` is the hash of the address."""

    __tablename__ = "digest_opt_outs"

    scope: str = Field(primary_key=True, max_length=40)
    mailbox: str = Field(primary_key=True, max_length=64)
    at: datetime = Field(sa_type=UtcDateTime)


class ScoreAlarmRow(Base, table=True):
    """The alarm that a score has gone down by more than chance explains.

    Attributes:
        series: what is watched: ``company``, or ``team:<name>``.
        week: the Monday on which it was found.
        window_days: length of the recent period that is compared.
        points: recent score minus earlier score, one decimal.
        recent_score, earlier_score: the scores, one decimal.
        recent_responses, earlier_responses: how many answers stand behind them.
        raised_at: when it was recorded.
        ended_at: when a later comparison was back within chance; None while it lasts.
    """

    __tablename__ = "score_alarms"
    __table_args__ = (UniqueConstraint("series", "week"), Index("ix_score_alarms_ended_at", "ended_at"))

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    series: str = Field(max_length=60)
    week: date = Field(sa_type=Date)
    window_days: int
    points: float
    recent_score: float
    earlier_score: float
    recent_responses: int
    earlier_responses: int
    raised_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
