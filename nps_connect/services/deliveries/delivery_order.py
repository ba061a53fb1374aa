"""Order: effects for one contact on one queue happen one after the other, the oldest first."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Table, bindparam, select
from sqlmodel import Session

from nps_connect.ledger import claims
from nps_connect.ledger.bulk_sql import RUNNING, in_list, not_in_list, without_index
from nps_connect.ledger.tables import DeliveryRow

_d: Table = DeliveryRow.__table__  # type: ignore[attr-defined]
_COMPETING_ROWS = select(_d.c.id, _d.c.contact_id, _d.c.started_at, _d.c.lease_token).where(
    in_list(_d.c.contact_id, "contact_ids"),
    without_index(_d.c.queue_name) == bindparam("queue_name"),
    without_index(_d.c.state) == RUNNING,
    not_in_list(_d.c.id, "claimed_ids"),
)


def out_of_order_ids(session: Session, rows: Sequence[DeliveryRow], token: str) -> set[int]:
    """Return which claimed rows must wait, because another one to the same contact is older or has started.

    The starts of a queue are serialised by a lock, so that of two workers one sees the start of the other.
    """
    if not rows:
        return set()
    claims.advisory_lock(session, rows[0].queue_name)
    parameters = {
        "contact_ids": [row.contact_id for row in rows if row.contact_id is not None],
        "claimed_ids": [row.id for row in rows],
        "queue_name": rows[0].queue_name,
    }
    rivals: dict[int | None, list[tuple[int, bool]]] = {}
    for row in rows:
        rivals.setdefault(row.contact_id, []).append((row.id or 0, False))
    for row_id, contact_id, started_at, lease_token in session.connection().execute(_COMPETING_ROWS, parameters):
        rivals.setdefault(contact_id, []).append((row_id, started_at is not None and lease_token != token))
    return {
        row.id or 0
        for row in rows
        if row.contact_id is not None
        for rival_id, has_started in rivals[row.contact_id]
        if rival_id != row.id and (rival_id < (row.id or 0) or has_started)
    }
