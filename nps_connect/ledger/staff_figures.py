"""Whether figures about members of staff are shown: by owner, and of teams with fewer than three members."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from nps_connect.ledger.columns import Base, UtcDateTime


class StaffFiguresRow(Base, table=True):
    """The newest decision; one row, none before the first. `audit_log` has all of them.

    Attributes:
        enabled: the figures are shown.
        reason: as the person who decided wrote it.
        since: when it was decided.
    """

    __tablename__ = "staff_figures"

    id: int = Field(primary_key=True)
    enabled: bool
    reason: str = Field(max_length=500)
    since: datetime = Field(sa_type=UtcDateTime)
