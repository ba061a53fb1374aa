"""Tables that keep the house in order: who must not be written to, what is paused, quotas, jobs, counters."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, LargeBinary, UniqueConstraint
from sqlmodel import JSON, Field

from nps_connect.ledger.columns import Base, BigId, UtcDateTime, Work, work_indexes


class SuppressionRow(Base, table=True):
    """A person (``c:<id>``) or mailbox (``m:<hash>``) that must not be written to, and why."""

    __tablename__ = "suppressions"
    __table_args__ = (
        UniqueConstraint("subject", "reason"),
        CheckConstraint("reason IN ('opted_out', 'bounced', 'erased', 'objected')", name="reason"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subject: str = Field(max_length=80)
    reason: str = Field(max_length=20)
    source: str = Field(max_length=80)
    created_at: datetime = Field(sa_type=UtcDateTime)


class PauseRow(Base, table=True):
    """What is stopped: ``mail``, ``connection:<name>`` or ``lane:<connection>/<action>``.

    Attributes:
        cause: `operator`, `auth` (401), `not_allowed` (403).
    """

    __tablename__ = "pauses"
    __table_args__ = (CheckConstraint("cause IN ('operator', 'auth', 'not_allowed')", name="cause"),)

    scope: str = Field(primary_key=True, max_length=140)
    cause: str = Field(max_length=20)
    reason: str
    since: datetime = Field(sa_type=UtcDateTime)


class QuotaRow(Base, table=True):
    """The shared token bucket of one quota of one connection."""

    __tablename__ = "quotas"

    connection: str = Field(primary_key=True, max_length=40)
    name: str = Field(primary_key=True, max_length=40)
    tokens: float
    refilled_at: datetime = Field(sa_type=UtcDateTime)
    paused_until: datetime | None = Field(default=None, sa_type=UtcDateTime)


class JobRow(Work, table=True):
    """A periodic job; lane ``jobs``."""

    __tablename__ = "jobs"
    __table_args__ = (
        *work_indexes("jobs"),
        UniqueConstraint("name"),
        CheckConstraint("state IN ('pending', 'running')", name="state"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    name: str = Field(max_length=80)
    memo: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


class CounterRow(Base, table=True):
    """Things that are counted and not kept: refused webhooks and the like, per day (UTC)."""

    __tablename__ = "counters"

    day: date = Field(primary_key=True)
    name: str = Field(primary_key=True, max_length=60)
    connection: str = Field(primary_key=True, max_length=40)
    count: int = 0


class TokenRow(Base, table=True):
    """A token that changes (OAuth refresh), encrypted; `locked_until` is the lease of the one who renews it."""

    __tablename__ = "tokens"

    connection: str = Field(primary_key=True, max_length=40)
    name: str = Field(primary_key=True, max_length=80)
    value: bytes | None = Field(default=None, sa_type=LargeBinary)
    locked_by: str | None = Field(default=None, max_length=40)
    locked_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
