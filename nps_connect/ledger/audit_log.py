"""The audit log: what staff did, who did it, and why. Append-only."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, Session

from nps_connect.ledger.columns import Base, BigId, UtcDateTime
from nps_connect.ledger.upserts import insert_many


class Actor(NamedTuple):
    """Who does something.

    Attributes:
        kind: the interface that is used.
        name: the operating system's user, the user of the console, or the name of the API key.
    """

    kind: Literal["cli", "console", "api"]
    name: str


class AuditRow(Base, table=True):
    """One action of a member of staff.

    Attributes:
        command: as on the command line, such as ``suppressions remove``.
        object: what it changed, by ids and hashes only, such as ``connection:mail`` or the subject of a mailbox.
        reason: as given; None if the command asks for none.
    """

    __tablename__ = "audit_log"
    __table_args__ = (
        CheckConstraint("actor_kind IN ('cli', 'console', 'api')", name="actor_kind"),
        Index("ix_audit_log_at", "at"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    at: datetime = Field(sa_type=UtcDateTime)
    actor_kind: str = Field(max_length=10)
    actor_name: str = Field(max_length=100)
    command: str = Field(max_length=60)
    object: str = Field(max_length=200)
    reason: str | None = None


def record_audit(
    session: Session, actor: Actor, command: str, target: str, *, now: datetime, reason: str | None = None
) -> None:
    """Record an action in the transaction that carries it out.

    Args:
        session: the transaction.
        actor: who does it.
        command: as on the command line.
        target: what it changes, by ids and hashes only: erasures do not reach the audit log.
        now: the present moment.
        reason: as given.
    """
    session.flush()
    row = {
        "at": now,
        "actor_kind": actor.kind,
        "actor_name": actor.name[:100],
        "command": command,
        "object": target[:200],
        "reason": reason,
    }
    insert_many(session, AuditRow, [row])
