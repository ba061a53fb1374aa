"""Order: effects for one person on one lane happen one after the other, the oldest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, bindparam, func, select
from sqlmodel import Session

from nps_connect.ledger.many import RUNNING, beside, none_of, one_of
from nps_connect.ledger.tables import ContactRow, DeliveryRow, InvitationRow, ResponseRow

ORDERED = frozenset({"write_score", "update_ticket", "write_opt_out"})
"""Actions of which a later one must not be overtaken by an earlier one."""


def fetch(session: Session, rows: Sequence[DeliveryRow]) -> list[DeliveryRow]:
    """The rows as they are now, with their people, answers and invitations read at once.

    What is damaged among those is left out here; whoever reads it for one row meets the damage there.
    """
    found = _all(session, DeliveryRow, {row.id for row in rows})
    beside: list[object] = []
    tables: tuple[tuple[Any, set[int | None]], ...] = (
        (ContactRow, {row.contact_id for row in found}),
        (ResponseRow, {row.response_id for row in found}),
        (InvitationRow, {row.invitation_id for row in found}),
    )
    for table, wanted in tables:
        if wanted - {None}:
            beside += _all(session, table, wanted - {None})
    session.info["beside"] = beside  # the session itself holds on to nothing
    return found


def _all(session: Session, table: Any, ids: set[Any]) -> list[Any]:  # noqa: ANN401
    query = select(table).where(one_of(table.id, "ids"))
    try:
        return list(session.execute(query, {"ids": list(ids)}).scalars())
    except (ValueError, TypeError):
        return []


def out_of_order(session: Session, rows: Sequence[DeliveryRow], token: str) -> set[int]:
    """Which of our claimed rows must wait, because another one to the same person is older or has begun.

    The lane's starts come one after the other, so that of two workers one sees the other's start.
    """
    if not rows or rows[0].action not in ORDERED:
        return set()
    line_up(session, rows[0].lane)
    told = {
        "people": [row.contact_id for row in rows if row.contact_id is not None],
        "ours": [row.id for row in rows],
        "lane": rows[0].lane,
    }
    beside: dict[int | None, list[tuple[int, bool]]] = {}
    for row in rows:
        beside.setdefault(row.contact_id, []).append((row.id or 0, False))
    for rival_id, contact_id, started_at, rival_token in session.connection().execute(_RIVALS, told):
        beside.setdefault(contact_id, []).append((rival_id or 0, started_at is not None and rival_token != token))
    return {
        row.id or 0
        for row in rows
        if row.contact_id is not None
        for rival_id, begun in beside[row.contact_id]
        if rival_id != row.id and (rival_id < (row.id or 0) or begun)
    }


def line_up(session: Session, lane: str) -> None:
    """Let the transactions that line up for a lane, such as its starts, come one after the other."""
    if session.get_bind().dialect.name != "sqlite":  # there the write lock does it
        session.connection().execute(_LINE_UP, {"lane": lane})


_d: Table = DeliveryRow.__table__  # type: ignore[attr-defined]
_LINE_UP = select(func.pg_advisory_xact_lock(func.hashtext(bindparam("lane"))))
_RIVALS = select(_d.c.id, _d.c.contact_id, _d.c.started_at, _d.c.lease_token).where(
    one_of(_d.c.contact_id, "people"),
    beside(_d.c.lane) == bindparam("lane"),
    beside(_d.c.state) == RUNNING,
    none_of(_d.c.id, "ours"),
)
