"""Order: effects for one person on one lane happen one after the other, the oldest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from nps_connect.ledger.tables import ContactRow, DeliveryRow, InvitationRow, ResponseRow

ORDERED = frozenset({"write_score", "update_ticket", "write_opt_out"})
"""Actions of which a later one must not be overtaken by an earlier one."""


def fetch(session: Session, rows: Sequence[DeliveryRow]) -> list[DeliveryRow]:
    """The rows as they are now, with their people, answers and invitations read at once."""
    ids = [row.id for row in rows]
    found = list(session.execute(select(DeliveryRow).where(col(DeliveryRow.id).in_(ids))).scalars())
    beside: list[object] = []
    tables: tuple[tuple[Any, set[int | None]], ...] = (
        (ContactRow, {row.contact_id for row in found}),
        (ResponseRow, {row.response_id for row in found}),
        (InvitationRow, {row.invitation_id for row in found}),
    )
    for table, wanted in tables:
        if wanted - {None}:
            beside += session.execute(select(table).where(table.id.in_(wanted - {None}))).scalars()
    session.info["beside"] = beside  # the session itself holds on to nothing
    return found


def out_of_order(session: Session, rows: Sequence[DeliveryRow], token: str) -> set[int]:
    """Which of our claimed rows must wait, because another one to the same person is older or has begun.

    The lane's starts come one after the other, so that of two workers one sees the other's start.
    """
    if not rows or rows[0].action not in ORDERED:
        return set()
    people = {row.contact_id for row in rows if row.contact_id is not None}
    if session.get_bind().dialect.name != "sqlite":  # there the write lock does it
        session.execute(select(func.pg_advisory_xact_lock(func.hashtext(rows[0].lane))))
    rivals = session.execute(
        select(
            col(DeliveryRow.id), col(DeliveryRow.contact_id), col(DeliveryRow.started_at), col(DeliveryRow.lease_token)
        ).where(
            col(DeliveryRow.contact_id).in_(people),
            col(DeliveryRow.lane) == rows[0].lane,
            col(DeliveryRow.state) == "running",
        )
    ).all()
    beside: dict[int | None, list[tuple[int, bool]]] = {}
    for rival_id, contact_id, started_at, rival_token in rivals:
        beside.setdefault(contact_id, []).append((rival_id or 0, started_at is not None and rival_token != token))
    return {
        row.id or 0
        for row in rows
        for rival_id, begun in beside.get(row.contact_id, ())
        if rival_id != row.id and (rival_id < (row.id or 0) or begun)
    }
