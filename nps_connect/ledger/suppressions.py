"""The table of suppressions: who must not be contacted, and why."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, UniqueConstraint
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
