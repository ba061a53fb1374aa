"""The last look: a delivery whose last try was lost is looked for once more before anybody is told that it is dead."""

from __future__ import annotations

import logging
from datetime import timedelta

from sqlalchemy import select, update
from sqlmodel import col

from nps_connect.errors import DeliveryError
from nps_connect.flows.context import Context
from nps_connect.flows.delivering.attempts import Settled
from nps_connect.flows.delivering.deliver import action_info
from nps_connect.flows.delivering.doubts import look_for
from nps_connect.flows.delivering.endings import Ending
from nps_connect.flows.delivering.preparing import prepare
from nps_connect.flows.delivering.settle import settle_batch
from nps_connect.ledger import claims, pauses
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.deliveries import Payload, Receipt

log = logging.getLogger(__name__)

AT_ONCE = 20
LONGEST = timedelta(days=1)
"""A vendor that cannot tell within this time is not asked any more; an operator's retry still looks first."""


def look_once_more(ctx: Context) -> int:
    """Ask vendors for what is dead and doubtful; returns how many are found, and so have succeeded.

    What surely is not there is no longer doubtful and stays dead. Where the vendor cannot tell now, it is asked again.
    """
    return sum(_look(ctx, row) for row in _unsure(ctx))


def _unsure(ctx: Context) -> list[DeliveryRow]:
    query = (
        select(DeliveryRow)
        .where(
            col(DeliveryRow.state) == "dead",
            col(DeliveryRow.doubtful),
            col(DeliveryRow.finished_at) > ctx.clock() - LONGEST,
            col(DeliveryRow.connection).in_(list(ctx.connections)),
        )
        .order_by(col(DeliveryRow.id))
        .limit(AT_ONCE)
    )
    with ctx.ledger.read() as session:
        stopped = pauses.current(session)
        rows = session.execute(query).scalars().all()
    return [
        row
        for row in rows
        if action_info(ctx, row.connection, row.action).doubt == "look"
        and pauses.of_connection(row.connection) not in stopped
    ]


def _look(ctx: Context, row: DeliveryRow) -> bool:
    item = _item(ctx, row)
    if item is None:
        return False
    found = look_for(ctx, row.connection, row.action, row, item)  # type: ignore[arg-type]
    if isinstance(found, DeliveryError):
        return False
    if found is None:
        _make_sure(ctx, row)
        return False
    return _succeed(ctx, row, found)


def _item(ctx: Context, row: DeliveryRow) -> Payload | None:
    try:
        with ctx.ledger.read() as session:
            item = prepare(ctx, session, row, None)
    except Exception:  # a damaged row stays dead; the others are looked for
        log.exception("delivery cannot be looked for delivery=%s", row.id)
        return None
    return None if isinstance(item, Ending) else item


def _make_sure(ctx: Context, row: DeliveryRow) -> None:
    with ctx.ledger.write() as session:
        session.execute(
            update(DeliveryRow)
            .where(col(DeliveryRow.id) == row.id, col(DeliveryRow.state) == "dead")
            .values(doubtful=False)
            .execution_options(synchronize_session=False)
        )


def _succeed(ctx: Context, row: DeliveryRow, receipt: Receipt) -> bool:
    """Settle it as any other success, unless somebody was quicker."""
    token, now = ctx.token(), ctx.clock()
    with ctx.ledger.write() as session:
        taken = session.execute(
            update(DeliveryRow)
            .where(col(DeliveryRow.id) == row.id, col(DeliveryRow.state) == "dead", col(DeliveryRow.doubtful))
            .values(state="running", lease_token=token, lease_until=now + claims.LEASE, started_at=None)
            .returning(col(DeliveryRow.id))
            .execution_options(synchronize_session=False)
        ).scalar()
    if taken is None:
        return False
    info = action_info(ctx, row.connection, row.action)  # type: ignore[arg-type]
    settle_batch(ctx, row.connection, row.action, info, [Settled(row, receipt)], token, called=False)  # type: ignore[arg-type]
    log.warning("a last look found what was taken for dead delivery=%s", row.id)
    return True
