"""The table of periodic jobs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import JSON, Field

from nps_connect.ledger.columns import BigId, QueuedRow, queue_indexes


class JobRow(QueuedRow, table=True):
    """A periodic job in queue ``jobs`` or ``<connection>/poll``.

    Attributes:
        memo: state that the job keeps between runs, such as a cursor.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        *queue_indexes("jobs"),
        UniqueConstraint("name"),
        CheckConstraint("state IN ('pending', 'running')", name="state"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    name: str = Field(max_length=80)
    memo: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
