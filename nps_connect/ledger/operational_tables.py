"""Tables that keep the application in order: who must not be written to, what is paused, quotas, jobs, counters."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, LargeBinary, UniqueConstraint
from sqlmodel import JSON, Field

from nps_connect.ledger.columns import Base, BigId, QueuedRow, UtcDateTime, queue_indexes


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
    """What is stopped: ``mail``, ``connection:<name>`` or ``queue:<connection>/<action>``.

    Attributes:
        cause: `operator`, `auth` (401), `not_allowed` (403), `plugin` (it hangs or breaks its contract).
    """

    __tablename__ = "pauses"
    __table_args__ = (CheckConstraint("cause IN ('operator', 'auth', 'not_allowed', 'plugin')", name="cause"),)

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


class BreakerRow(Base, table=True):
    """The circuit breaker of a connection (``connection:<name>``) or of a queue's plugin (``queue:<name>/<action>``).

    Attributes:
        failures: calls in a row that failed as if the vendor were down, or that broke the plugin's contract.
        opened: how often in a row it has opened; the pauses grow with it.
        open_until: no call before then; after it, one goes first.
        reason: the newest failure, one sentence.
    """

    __tablename__ = "breakers"

    scope: str = Field(primary_key=True, max_length=140)
    failures: int = 0
    opened: int = 0
    open_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reason: str | None = None


class WorkerRow(Base, table=True):
    """A living process: it writes `seen_at` every few seconds.

    Attributes:
        role: `run`, `serve` or `worker`.
        doing: the queues that its threads work on.
    """

    __tablename__ = "workers"

    id: str = Field(primary_key=True, max_length=40)
    role: str = Field(max_length=20)
    host: str = Field(max_length=255)
    pid: int
    version: str = Field(max_length=40)
    started_at: datetime = Field(sa_type=UtcDateTime)
    seen_at: datetime = Field(sa_type=UtcDateTime)
    doing: list[str] = Field(default_factory=list, sa_type=JSON)


class JobRow(QueuedRow, table=True):
    """A periodic job; queue ``jobs``, or ``<connection>/poll``."""

    __tablename__ = "jobs"
    __table_args__ = (
        *queue_indexes("jobs"),
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


class ReviewRequestRow(Base, table=True):
    """A person (``c:<id>``) or mailbox (``m:<hash>``) is asked for a review on one platform, once and never again.

    The row of the platform ``*`` is the cooldown over all platforms.

    Attributes:
        response_id: the answer that led to it; another answer finds the place taken.
        until: for ``*``: when the cooldown ends.
        sent: the invitation went out; until then the place is given back when it is cancelled.
    """

    __tablename__ = "review_requests"

    subject: str = Field(primary_key=True, max_length=80)
    platform: str = Field(primary_key=True, max_length=40)
    response_id: int = Field(foreign_key="responses.id", sa_type=BigId, index=True)
    until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    sent: bool = False


class ReviewLinkStateRow(Base, table=True):
    """What became of one answer on one platform, so that every invitation is accounted for.

    Written in the transaction of what it tells; times are in `deliveries` and `visits`.

    Attributes:
        segment: of the newest revision.
        shown: the thank-you page with the link was shown.
        sent: the link went out by mail.
        opened: the link was opened, without bot signals.
        bot_opened: the link was opened with bot signals.
    """

    __tablename__ = "review_link_states"
    __table_args__ = (CheckConstraint("segment IN ('promoter', 'passive', 'detractor')", name="segment"),)

    response_id: int = Field(primary_key=True, foreign_key="responses.id", sa_type=BigId)
    platform: str = Field(primary_key=True, max_length=40)
    contact_id: int = Field(foreign_key="contacts.id", sa_type=BigId, index=True)
    segment: str = Field(max_length=10)
    shown: bool = False
    sent: bool = False
    opened: bool = False
    bot_opened: bool = False


class ReviewTallyRow(Base, table=True):
    """The accounts of one person on one platform in one segment, counted once: what the audit adds up."""

    __tablename__ = "review_tallies"
    __table_args__ = (
        CheckConstraint("segment IN ('promoter', 'passive', 'detractor')", name="segment"),
        Index("ix_review_tallies_report", "platform", "segment", "shown", "sent", "opened", "bot_opened"),
    )

    platform: str = Field(primary_key=True, max_length=40)
    segment: str = Field(primary_key=True, max_length=10)
    contact_id: int = Field(primary_key=True, foreign_key="contacts.id", sa_type=BigId)
    shown: bool = False
    sent: bool = False
    opened: bool = False
    bot_opened: bool = False
