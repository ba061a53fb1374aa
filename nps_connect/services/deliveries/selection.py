"""Choosing deliveries: by connection, action, kind of error and period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.tables import DeliveryRow


@dataclass(frozen=True)
class DeliverySelection:
    """Which deliveries are meant; none = any.

    Attributes:
        connection: on this connection.
        action: this action.
        error: whose newest error is of this kind (such as `rejected`) or holds this text, in any case.
        since: created then or later.
        until: created before then.
    """

    connection: str | None = None
    action: str | None = None
    error: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def select_deliveries(session: Session, choice: DeliverySelection, states: Sequence[str]) -> list[DeliveryRow]:
    """The chosen deliveries in one of these states, oldest first, locked."""
    query = select(DeliveryRow).where(col(DeliveryRow.state).in_(states)).order_by(col(DeliveryRow.id))
    if choice.connection is not None:
        query = query.where(col(DeliveryRow.connection) == choice.connection)
    if choice.action is not None:
        query = query.where(col(DeliveryRow.action) == choice.action)
    if choice.error is not None:
        told = col(DeliveryRow.last_error).icontains(choice.error, autoescape=True)
        query = query.where((col(DeliveryRow.error_kind) == choice.error) | told)
    if choice.since is not None:
        query = query.where(col(DeliveryRow.created_at) >= choice.since)
    if choice.until is not None:
        query = query.where(col(DeliveryRow.created_at) < choice.until)
    return list(session.execute(query.with_for_update()).scalars())
