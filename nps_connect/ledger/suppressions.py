"""The tables of suppressions (who must not be contacted, and why), and of the bounces that lead to them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, UniqueConstraint, false
from sqlmodel import Field

from nps_connect.ledger.columns import Base, BigId, UtcDateTime


class SuppressionRow(Base, table=True):
    """A contact (``c:<id>``) or mailbox (``m:<hash>``) that must not be contacted, and why."""

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
