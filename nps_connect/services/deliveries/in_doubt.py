"""Deliveries in doubt: when an effect is possible, whether it is there, and what a stopped process left behind."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from nps_connect.errors import DeliveryError, OutcomeUnknown, RetryLater
from nps_connect.ledger import claims, pauses
from nps_connect.ledger.columns import QueuedRow
from nps_connect.ledger.tables import DeliveryRow, EventRow, RawRequest
from nps_connect.ledger.workers import JobRow
from nps_connect.records.actions import HoldCode
from nps_connect.records.deliveries import DeliveryView, Payload, Receipt
from nps_connect.services.action_spec import NotAttempted, Prepared
from nps_connect.services.context import Context
from nps_connect.services.deliveries.preparation import load_batch, prepare_batch
from nps_connect.services.deliveries.settle import in_doubt_rule
from nps_connect.services.deliveries.settle_in_doubt import settle_as_succeeded, settle_mails_opened_early

log = logging.getLogger(__name__)

MAX_LEASE_AGE = claims.LEASE_DURATION / 2
"""A lease of this age is checked before the call. The heartbeat renews leases well before, unless the process was
suspended or the database unavailable: then another worker may have taken over."""

LOOKUPS_PER_RUN = 20
MAX_LOOKUP_AGE = timedelta(days=1)
"""A dead delivery is not looked for after this time; an operator's retry still looks first."""

INTERNAL_TABLES: tuple[type[QueuedRow], ...] = (RawRequest, EventRow, JobRow)
CLAIMABLE_TABLES: tuple[type[QueuedRow], ...] = (*INTERNAL_TABLES, DeliveryRow)
RECOVER_BATCH_SIZE = 500


def restart(ctx: Context, token: str, ids: Sequence[int], *, has_effect: bool) -> set[int]:
    """Start claimed deliveries anew, right before the call; return the ids whose lease is still held."""
    ctx.leases.record_progress(token)
    with ctx.ledger.write() as session:
        held = claims.start(session, DeliveryRow, ids, token=token, now=ctx.clock(), has_effect=has_effect)
    if len(held) < len(ids):
        log.warning("lease_lost_before_call deliveries=%s", sorted(set(ids) - held))
    return held


def start_at_handover(ctx: Context, token: str, ids_by_key: Mapping[str, int], key: str) -> None:
    """Record that a message is handed over now: from here on it is in doubt until its outcome is settled.

    Raises:
        RetryLater: the lease is lost, or this cannot be recorded: the message must not be sent.
    """
    try:
        is_held = bool(restart(ctx, token, [ids_by_key[key]], has_effect=True))
    except DBAPIError as error:
        raise RetryLater("the database is unavailable; nothing was sent") from error
    if not is_held or ctx.leases.record_progress() > MAX_LEASE_AGE:
        raise RetryLater("another worker has taken over; nothing was sent")


def find_existing(ctx: Context, row: DeliveryRow, item: Payload) -> Receipt | DeliveryError | None:
    """Return the receipt if the effect is there, None if it surely is not, an error if the vendor cannot tell now."""
    view = DeliveryView.model_validate(
        {
            "action": row.action,
            "idempotency_key": row.key,
            "payload": item,
            "first_started_at": row.first_started_at or ctx.clock(),
        }
    )
    connection = ctx.connections[row.connection]
    try:
        receipt: Receipt | None = ctx.plugins.call(
            connection.settings.plugin, "nps_find_existing", connection=connection, delivery=view
        )
    except DeliveryError as error:
        return error
    except Exception as error:  # contained: the delivery stays in doubt
        log.exception("lookup_failed connection=%s delivery=%s", row.connection, row.id)
        return OutcomeUnknown(f"the plugin failed to look ({type(error).__name__})")
    return receipt


def resolve_in_doubt(ctx: Context) -> int:
    """Settle mails whose link was opened, and look for dead deliveries in doubt; return how many have succeeded.

    A delivery that is surely not there is no longer in doubt and stays dead. Where the vendor cannot tell now, it is
    asked again on the next run.
    """
    return settle_mails_opened_early(ctx) + sum(_resolve(ctx, row) for row in _load_dead_in_doubt(ctx))


def recover(ctx: Context, *, after_restart: bool) -> int:
    """Requeue work of stopped processes, in doubt if it had started; return how many queues had any.

    Args:
        ctx: the application context.
        after_restart: no other process can be working (embedded mode): take everything that was running; else only
            what has outlived its lease.
    """
    now = ctx.clock()
    deadline = None if after_restart else now
    queues: set[str] = set()
    for table in CLAIMABLE_TABLES:
        count = RECOVER_BATCH_SIZE
        while count == RECOVER_BATCH_SIZE:
            with ctx.ledger.write() as session:
                rows = claims.lock_expired(session, table, now=deadline, limit=RECOVER_BATCH_SIZE)
                for row in rows:
                    queues.add(row.queue_name)
                    _requeue(ctx, row, now)
                count = len(rows)
    for queue_name in queues:
        ctx.wake(queue_name)
    if queues:
        settle_mails_opened_early(ctx)
        log.warning("work_recovered queues=%s", ",".join(sorted(queues)))
    return len(queues)


def _requeue(ctx: Context, row: QueuedRow, now: datetime) -> None:
    was_started = row.started_at is not None
    row.lease_token = row.lease_until = row.started_at = None
    row.state = "pending"
    if not was_started or not isinstance(row, DeliveryRow):
        return
    row.last_error = "the process stopped during this attempt"
    rule = in_doubt_rule(ctx, row.connection, row.action)
    if rule == "hold":
        row.state, row.hold_code, row.in_doubt = "held", HoldCode.IN_DOUBT, True
    else:
        row.due_at, row.in_doubt = now, rule == "look"


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
        paused = pauses.load_pauses(session)
        rows = session.execute(query).scalars().all()
    return [
        row
        for row in rows
        if in_doubt_rule(ctx, row.connection, row.action) == "look"
        and pauses.connection_scope(row.connection) not in paused
    ]


def _resolve(ctx: Context, row: DeliveryRow) -> bool:
    with ctx.ledger.read() as session:
        batch = load_batch(ctx, session, row.connection, [row], {})
        item = prepare_batch(ctx.actions[row.action], batch, {})[row.id or 0]
    if isinstance(item, NotAttempted | Exception):
        return False
    if isinstance(item, Prepared):
        item = item.item
    existing = find_existing(ctx, row, item)
    if isinstance(existing, DeliveryError):
        return False
    if existing is not None:
        return _settle_succeeded(ctx, row, existing)
    with ctx.ledger.write() as session:
        session.execute(
            update(DeliveryRow)
            .where(col(DeliveryRow.id) == row.id, col(DeliveryRow.state) == "dead")
            .values(in_doubt=False)
            .execution_options(synchronize_session=False)
        )
    return False


def _settle_succeeded(ctx: Context, row: DeliveryRow, receipt: Receipt) -> bool:
    """Settle a dead delivery like any other success, unless another worker was faster."""
    with ctx.ledger.write() as session:
        locked = session.get_one(DeliveryRow, row.id, with_for_update=True)
        if locked.state != "dead" or not locked.in_doubt:
            return False
        queue_names = settle_as_succeeded(ctx, session, locked, receipt)
    for queue_name in queue_names:
        ctx.wake(queue_name)
    log.warning("dead_delivery_found delivery=%s", row.id)
    return True
