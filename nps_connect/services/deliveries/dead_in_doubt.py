"""The last look: a delivery whose last try was lost is looked for once more before anybody is told that it is dead."""

from __future__ import annotations

import logging
from datetime import timedelta

from sqlalchemy import select, update
from sqlmodel import col

from nps_connect.errors import DeliveryError
from nps_connect.ledger import claims, pauses
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.deliveries import Payload, Receipt
from nps_connect.services.context import Context
from nps_connect.services.deliveries.attempts import SettledDelivery
from nps_connect.services.deliveries.deliver import action_info
from nps_connect.services.deliveries.preflight import NotAttempted
from nps_connect.services.deliveries.prepare import prepare
from nps_connect.services.deliveries.resolve_in_doubt import find_existing
from nps_connect.services.deliveries.settle import settle_batch

log = logging.getLogger(__name__)

LOOKUPS_PER_RUN = 20
MAX_LOOKUP_AGE = timedelta(days=1)
"""A vendor that cannot tell within this time is not asked any more; an operator's retry still looks first."""


def resolve_dead_in_doubt(ctx: Context) -> int:
    """Ask vendors for what is dead and in_doubt; returns how many are found, and so have succeeded.

    What surely is not there is no longer in_doubt and stays dead. Where the vendor cannot tell now, it is asked again.
    """
    return sum(_resolve(ctx, row) for row in _load_dead_in_doubt(ctx))


def _load_dead_in_doubt(ctx: Context) -> list[DeliveryRow]:
    query = (
        select(DeliveryRow)
        .where(
            col(DeliveryRow.state) == "dead",
            col(DeliveryRow.in_doubt),
            col(DeliveryRow.finished_at) > ctx.clock() - MAX_LOOKUP_AGE,
            col(DeliveryRow.connection).in_(list(ctx.connections)),
        )
        .order_by(col(DeliveryRow.id))
        .limit(LOOKUPS_PER_RUN)
    )
    with ctx.ledger.read() as session:
        stopped = pauses.load_pauses(session)
        rows = session.execute(query).scalars().all()
    return [
        row
        for row in rows
        if action_info(ctx, row.connection, row.action).doubt == "look"
        and pauses.connection_scope(row.connection) not in stopped
    ]


def _resolve(ctx: Context, row: DeliveryRow) -> bool:
    item = _prepare_payload(ctx, row)
    if item is None:
        return False
    found = find_existing(ctx, row.connection, row.action, row, item)  # type: ignore[arg-type]
    if isinstance(found, DeliveryError):
        return False
    if found is None:
        _clear_in_doubt(ctx, row)
        return False
    return _settle_succeeded(ctx, row, found)


def _prepare_payload(ctx: Context, row: DeliveryRow) -> Payload | None:
    try:
        with ctx.ledger.read() as session:
            item = prepare(ctx, session, row, None)
    except Exception:  # a damaged row stays dead; the others are looked for
        log.exception("delivery cannot be looked for delivery=%s", row.id)
        return None
    return None if isinstance(item, NotAttempted) else item


def _clear_in_doubt(ctx: Context, row: DeliveryRow) -> None:
    with ctx.ledger.write() as session:
        session.execute(
            update(DeliveryRow)
            .where(col(DeliveryRow.id) == row.id, col(DeliveryRow.state) == "dead")
            .values(in_doubt=False)
            .execution_options(synchronize_session=False)
        )


def _settle_succeeded(ctx: Context, row: DeliveryRow, receipt: Receipt) -> bool:
    """Settle it as any other success, unless somebody was quicker."""
    token, now = ctx.token(), ctx.clock()
    with ctx.ledger.write() as session:
        taken = session.execute(
            update(DeliveryRow)
            .where(col(DeliveryRow.id) == row.id, col(DeliveryRow.state) == "dead", col(DeliveryRow.in_doubt))
            .values(state="running", lease_token=token, lease_until=now + claims.LEASE_DURATION, started_at=None)
            .returning(col(DeliveryRow.id))
            .execution_options(synchronize_session=False)
        ).scalar()
    if taken is None:
        return False
    info = action_info(ctx, row.connection, row.action)  # type: ignore[arg-type]
    settle_batch(ctx, row.connection, row.action, info, [SettledDelivery(row, receipt)], token, called=False)  # type: ignore[arg-type]
    log.warning("a last look found what was taken for dead delivery=%s", row.id)
    return True
