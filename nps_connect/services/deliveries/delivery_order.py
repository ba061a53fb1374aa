"""Order: effects for one person on one queue happen one after the other, the oldest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, bindparam, select
from sqlmodel import Session

from nps_connect.ledger import claims
from nps_connect.ledger.bulk_sql import RUNNING, in_list, not_in_list, without_index
from nps_connect.ledger.tables import ContactRow, DeliveryRow, InvitationRow, ResponseRow

ORDERED_ACTIONS = frozenset({"write_score", "update_ticket", "write_opt_out"})
"""Actions of which a later one must not be overtaken by an earlier one."""


def load_with_relations(session: Session, rows: Sequence[DeliveryRow]) -> list[DeliveryRow]:
    """The rows as they are now, with their people, answers and invitations read at once.

    What is damaged among those is left out here; whoever reads it for one row meets the damage there.
    """
    found = _load_all(session, DeliveryRow, {row.id for row in rows})
    beside: list[object] = []
    tables: tuple[tuple[Any, set[int | None]], ...] = (
        (ContactRow, {row.contact_id for row in found}),
        (ResponseRow, {row.response_id for row in found}),
        (InvitationRow, {row.invitation_id for row in found}),
    )
    for table, wanted in tables:
        if wanted - {None}:
            beside += _load_all(session, table, wanted - {None})
    session.info["beside"] = beside  # the session itself holds on to nothing
    return found


def _load_all(session: Session, table: Any, ids: set[Any]) -> list[Any]:  # noqa: ANN401
    query = select(table).where(in_list(table.id, "ids"))
    try:
        return list(session.execute(query, {"ids": list(ids)}).scalars())
    except (ValueError, TypeError):
        return []


def out_of_order_ids(session: Session, rows: Sequence[DeliveryRow], token: str) -> set[int]:
    """Which of our claimed rows must wait, because another one to the same person is older or has begun.

    The queue's starts come one after the other, so that of two workers one sees the other's start.
    """
    if not rows or rows[0].action not in ORDERED_ACTIONS:
        return set()
    claims.advisory_lock(session, rows[0].queue_name)
    told = {
        "people": [row.contact_id for row in rows if row.contact_id is not None],
        "ours": [row.id for row in rows],
        "queue_name": rows[0].queue_name,
    }
    beside: dict[int | None, list[tuple[int, bool]]] = {}
    for row in rows:
        beside.setdefault(row.contact_id, []).append((row.id or 0, False))
    for rival_id, contact_id, started_at, rival_token in session.connection().execute(_COMPETING_ROWS, told):
        beside.setdefault(contact_id, []).append((rival_id or 0, started_at is not None and rival_token != token))
    return {
        row.id or 0
        for row in rows
        if row.contact_id is not None
        for rival_id, begun in beside[row.contact_id]
        if rival_id != row.id and (rival_id < (row.id or 0) or begun)
    }


_d: Table = DeliveryRow.__table__  # type: ignore[attr-defined]
_COMPETING_ROWS = select(_d.c.id, _d.c.contact_id, _d.c.started_at, _d.c.lease_token).where(
    in_list(_d.c.contact_id, "people"),
    without_index(_d.c.queue_name) == bindparam("queue_name"),
    without_index(_d.c.state) == RUNNING,
    not_in_list(_d.c.id, "ours"),
)
