"""The tables of suppressions (who must not be contacted, and why), the bounces that lead to them, and the brake."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, UniqueConstraint, false
from sqlmodel import Field

from nps_connect.ledger.columns import Base, BigId, UtcDateTime, partial_index

UNCONFIRMED = "unconfirmed"
"""Reason of people whose opt-outs are unknown since a restore: their mail is held until an operator confirms."""


class SuppressionRow(Base, table=True):
    """A contact (``c:<id>``), mailbox (``m:<hash>``) or erased mailbox (``k:<keyed hash>``) not to contact, and why.

    Attributes:
        provisional_for: the connection whose brake an operator has not decided on yet; None for all others.
    """

    __tablename__ = "suppressions"
    __table_args__ = (
        UniqueConstraint("subject", "reason"),
        CheckConstraint("reason IN ('opted_out', 'bounced', 'erased', 'objected', 'unconfirmed')", name="reason"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subject: str = Field(max_length=80)
    reason: str = Field(max_length=20)
    source: str = Field(max_length=80)
    created_at: datetime = Field(sa_type=UtcDateTime)
    provisional_for: str | None = Field(default=None, max_length=40)


class BounceRow(Base, table=True):
    """A bounce or complaint; `key` is derived from the report, so that each report counts once.

    Attributes:
        kind: `hard` (the mailbox does not exist), `soft` (any other failure), `complaint`.
        mailbox: its hash.
        delivery_id: the mail that came back; None if the report names none of ours to that mailbox: it had no effect.
        concerns_mailbox: a soft bounce that counts against the mailbox when it is repeated.
        status: the enhanced status code (RFC 3463), such as ``5.1.1``, if known.
        detail: the mail server's text, truncated and redacted.
        source: `smtp` (rejected in the session), `relay` (posted by a relay), `mailbox`, `file`.
    """

    __tablename__ = "bounces"
    __table_args__ = (
        UniqueConstraint("key"),
        CheckConstraint("kind IN ('hard', 'soft', 'complaint')", name="kind"),
        partial_index("ix_bounces_hard", "at", where="kind = 'hard'"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    key: str = Field(max_length=64)
    kind: str = Field(max_length=20)
    mailbox: str | None = Field(default=None, max_length=64, index=True)
    contact_id: int | None = Field(default=None, foreign_key="contacts.id", sa_type=BigId, index=True)
    delivery_id: int | None = Field(default=None, foreign_key="deliveries.id", sa_type=BigId, index=True)
    concerns_mailbox: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    status: str | None = Field(default=None, max_length=20)
    detail: str
    source: str = Field(max_length=20)
    at: datetime = Field(sa_type=UtcDateTime)


class BounceBrakeRow(Base, table=True):
    """The newest time that many hard bounces stopped the customer mail of a connection.

    Attributes:
        recipients: how many mailboxes were refused.
        mails: of how many mails.
        decided_at: when an operator confirmed or undid the suppressions; None while the mail is held.
        is_confirmed: the mailboxes do not exist; False if the refusals were a mistake, and before the decision.
    """

    __tablename__ = "bounce_brakes"

    connection: str = Field(primary_key=True, max_length=40)
    tripped_at: datetime = Field(sa_type=UtcDateTime)
    recipients: int
    mails: int
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    is_confirmed: bool = False
