"""Plans of assistants, which a person approves or rejects."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import JSON, Field

from nps_connect.ledger.columns import Base, BigId, UtcDateTime


class ApprovalRow(Base, table=True):
    """One plan. An open one that has expired can no longer be approved.

    Attributes:
        public_id: random, so that no text can name a plan in advance.
        kind: what is planned, of type `PlanKind`.
        plan: `arguments` of the plan and `contacts`, the row ids of the people whom it would reach.
        plan_hash: SHA-256 of kind, arguments and effect in hexadecimal.
        people: number of people whom it would reach.
        items: number of deliveries or people that it changes.
        planned_by: name of the API key.
        state: `open`, `approved` or `rejected`.
        decided_by: the member of staff who approved or rejected it.
    """

    __tablename__ = "approvals"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'approved', 'rejected')", name="state"),
        UniqueConstraint("public_id"),
        Index("ix_approvals_created_at", "created_at"),
        Index("ix_approvals_state_decided_at", "state", "decided_at"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    public_id: str = Field(max_length=32)
    kind: str = Field(max_length=30)
    plan: dict[str, Any] = Field(sa_type=JSON)
    plan_hash: str = Field(max_length=64)
    people: int
    items: int
    planned_by: str = Field(max_length=60)
    state: str = Field(max_length=10)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    decided_by: str | None = Field(default=None, max_length=100)
