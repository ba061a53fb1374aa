"""Tables of review invitations: who was asked, and what happened to each link."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from nps_connect.ledger.columns import Base, BigId, UtcDateTime

SEGMENTS = "segment IN ('promoter', 'passive', 'detractor')"


class ReviewRequestRow(Base, table=True):
    """A contact (``c:<id>``) or mailbox (``m:<hash>``) is invited to review on a platform at most once.

    The row of the platform ``*`` is the cooldown over all platforms.

    Attributes:
        response_id: the response that led to it; another response finds the subject reserved.
        until: for ``*``: when the cooldown ends.
        sent: the invitation was sent; until then the reservation is released when it is cancelled.
    """

    __tablename__ = "review_requests"

    subject: str = Field(primary_key=True, max_length=80)
    platform: str = Field(primary_key=True, max_length=40)
    response_id: int = Field(foreign_key="responses.id", sa_type=BigId, index=True)
    until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    sent: bool = False


class ReviewLinkStateRow(Base, table=True):
    """What happened to the review link of one response on one platform.

    Written in the transaction of each step; times are in `deliveries` and `page_views`.

    Attributes:
        segment: of the newest revision.
        shown: the thank-you page with the link was shown.
        sent: the link was sent by mail.
        opened: the link was opened without bot signals.
        bot_opened: the link was opened with bot signals.
    """

    __tablename__ = "review_link_states"
    __table_args__ = (CheckConstraint(SEGMENTS, name="segment"),)

    response_id: int = Field(primary_key=True, foreign_key="responses.id", sa_type=BigId)
    platform: str = Field(primary_key=True, max_length=40)
    contact_id: int = Field(foreign_key="contacts.id", sa_type=BigId, index=True)
    segment: str = Field(max_length=10)
    shown: bool = False
    sent: bool = False
    opened: bool = False
    bot_opened: bool = False


class ReviewTallyRow(Base, table=True):
    """The link states of one contact on one platform in one segment, counted once; the review report adds them up."""

    __tablename__ = "review_tallies"
    __table_args__ = (
        CheckConstraint(SEGMENTS, name="segment"),
        Index("ix_review_tallies_report", "platform", "segment", "shown", "sent", "opened", "bot_opened"),
    )

    platform: str = Field(primary_key=True, max_length=40)
    segment: str = Field(primary_key=True, max_length=10)
    contact_id: int = Field(primary_key=True, foreign_key="contacts.id", sa_type=BigId)
    shown: bool = False
    sent: bool = False
    opened: bool = False
    bot_opened: bool = False
