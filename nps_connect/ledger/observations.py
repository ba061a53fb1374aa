"""The newest observation of each kind about a subject, such as the last check of a connection; none older is kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Table, select
from sqlmodel import JSON, Field, Session

from nps_connect.ledger.columns import Base, UtcDateTime, insert_for

ObservationKind = Literal[
    "announced_end", "backup", "connection_check", "erasure_key", "foreign_request", "sender_authentication"
]


class ObservationRow(Base, table=True):
    """What was observed last.

    Attributes:
        kind: what was observed, one of `ObservationKind`.
        subject: what it concerns: a connection, with an action after a slash where it matters; empty for the system.
        at: when it was observed.
        detail: facts about it, without personal data.
    """

    __tablename__ = "observations"

    kind: str = Field(primary_key=True, max_length=40)
    subject: str = Field(primary_key=True, max_length=100)
    at: datetime = Field(sa_type=UtcDateTime)
    detail: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


def record_observation(
    session: Session, kind: ObservationKind, subject: str, *, now: datetime, detail: Mapping[str, Any] | None = None
) -> None:
    """Replace the observation of this kind about a subject."""
    values = {"at": now, "detail": dict(detail or {})}
    session.execute(
        insert_for(session, ObservationRow)
        .values(kind=kind, subject=subject, **values)
        .on_conflict_do_update(index_elements=["kind", "subject"], set_=values)
    )


def load_observations(session: Session, kind: ObservationKind) -> dict[str, ObservationRow]:
    """Load the observations of one kind, by subject, with read-only columns."""
    rows: Table = ObservationRow.__table__
    query = select(rows).where(rows.c.kind == kind).order_by(rows.c.subject)
    return {row.subject: row for row in session.connection().execute(query)}  # type: ignore[misc]
