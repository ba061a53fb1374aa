"""The table of mail that came back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field

from nps_connect.ledger.columns import Base, BigId, UtcDateTime


class BounceRow(Base, table=True):
    """A mail that came back, or that somebody complained about; `key` is made from the report, so that it counts once.

    Attributes:
        kind: `hard` (the mailbox does not exist), `soft` (it could not take the mail this time), `complaint`.
        status: the enhanced status code, such as ``5.1.1``, if it is known.
        detail: what the mail server said, cut and without secrets.
        source: `smtp` (refused at once), `relay` (posted), `file`.
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
    status: str | None = Field(default=None, max_length=20)
    detail: str
    source: str = Field(max_length=20)
    at: datetime = Field(sa_type=UtcDateTime)
