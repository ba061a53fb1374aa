"""Deliver: claim due deliveries of one queue, prepare and start them, call one hook of one plugin, settle each item.

Claim, preparation and start are one transaction. Where a vendor must be asked for contacts first, or a channel must
wait for its rate, they are two, with no transaction open in between. The outcome is written in a third one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import update
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from nps_connect.errors import AuthFailed, NotAllowed, PluginError, RateLimited
from nps_connect.ledger import claims, pauses
from nps_connect.ledger.columns import delivery_queue
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.contacts import Contact
from nps_connect.records.deliveries import Receipt
from nps_connect.services.action_spec import ActionSpec, NotAttempted, PreparationBatch, Prepared, SettledDelivery
from nps_connect.services.context import Context
from nps_connect.services.deliveries.circuit_breaker import acquire_channel_rate, pause_scopes, record_outcomes
from nps_connect.services.deliveries.claim import Claim, StartedDelivery
from nps_connect.services.deliveries.in_doubt import MAX_LEASE_AGE, find_existing, restart, start_at_handover
from nps_connect.services.deliveries.preparation import (
    LookupResult,
    contacts_to_look_up,
    load_batch,
    look_up_contacts,
    out_of_order_ids,
    prepare_batch,
)
from nps_connect.services.deliveries.settle import reject_duplicate_receipts, settle

log = logging.getLogger(__name__)

ORDER_RETRY_DELAY = timedelta(seconds=1)
"""When a delivery is due again that waits for another one to the same contact."""

ROWS_PER_VISIT = 10
"""A queue whose vendor takes items one by one is drained up to this number before the thread serves other queues."""

SETTLE_RETRY_DELAYS_SECONDS = (0.1, 0.3, 1.0, 2.0, 5.0, 5.0, 5.0, 5.0)
"""Together shorter than a lease. Afterwards another worker may have taken over: the deliveries are in doubt, and are
recovered by their lease."""

STOPPING_ERRORS = (RateLimited, AuthFailed, NotAllowed)
"""After one of them the queue does not go on: its quota or its scope is paused."""

_UNUSED_DELIVERY_COLUMNS = """
    cancel_code error_kind finished_at hold_code hold_detail last_error lease_until receipt_id receipt_link
    receipt_note started_at state
"""
UNUSED_DELIVERY_COLUMNS = tuple(_UNUSED_DELIVERY_COLUMNS.split())
"""What no preparation and no consequence of an outcome needs."""

_DELIVERIES = DeliveryRow.__table__


class _Started(NamedTuple):
    """What a transaction has started.

    Attributes:
        deliveries: what has started.
        queue_names: the queues with new work because of what was settled.
        may_go_on: whether the queue may go on; False, with nothing started, after a look-up that failed.
    """

    deliveries: Sequence[StartedDelivery]
    queue_names: set[str]
    may_go_on: bool = True


def drain_deliveries(
    ctx: Context, connection: str, spec: ActionSpec, batch_size: int, stopping: Callable[[], bool] = lambda: False
) -> int:
    """Deliver due deliveries of a queue, batch by batch; return how many rows were claimed.

    Args:
        ctx: the application context.
        connection: name of the connection.
        spec: the action; with the connection it names the queue.
        batch_size: items per hook call at most.
        stopping: checked between batches: once true, no further batch is claimed.
    """
    total = 0
    while True:
        claimed, is_healthy = _drain_batch(ctx, connection, spec, batch_size)
        total += claimed
        if claimed < batch_size or not is_healthy or total >= ROWS_PER_VISIT or stopping():
            return total


def _drain_batch(ctx: Context, connection: str, spec: ActionSpec, batch_size: int) -> tuple[int, bool]:
    """Deliver one batch; return how many rows were claimed, and whether the queue may go on."""
    token, scope = ctx.token(), pauses.connection_scope(connection)
    queue_name, started = delivery_queue(connection, spec.action), _Started([], set())
    with ctx.ledger.write() as session:
        if not pauses.load_paused_scopes(session, ctx.state_dir).isdisjoint(pause_scopes(connection, spec)):
            return 0, False
        breaker = pauses.acquire_call(session, scope, now=ctx.clock())
        if breaker == "open":
            return 0, False
        at_handover = spec.customer_facing and ctx.connector_info(connection).records_handover
        claim = Claim(ctx, connection, spec, token, is_probe=breaker == "probe", starts_at_handover=at_handover)
        limit, now, starts_now = 1 if claim.is_probe else batch_size, ctx.clock(), not spec.customer_facing
        ids = claims.claim_ids(session, DeliveryRow, queue_name, token=token, now=now, limit=limit, start=starts_now)
        rows = claims.load_claimed(session, DeliveryRow, ids, token=token, without=UNUSED_DELIVERY_COLUMNS)
        batch = load_batch(ctx, session, connection, rows, {})
        contacts = contacts_to_look_up(spec, batch)
        if contacts and starts_now:
            claims.undo_start(session, DeliveryRow, ids, token=token, now=now)
            starts_now = False
        if rows and starts_now:
            started = _prepare_and_start(claim, session, batch, {}, now, is_claimed_as_started=True)
        elif not rows and claim.is_probe:
            pauses.release_probe(session, scope, now=ctx.clock())
    if len(ids) == batch_size:
        ctx.wake(queue_name)  # there may be more: another thread or worker can join
    if rows and not starts_now:
        looked_up = _look_up_and_start(claim, rows, contacts)
        if looked_up is None:
            _release(claim, rows)
            return len(ids), False
        started = looked_up
    for name in started.queue_names:
        ctx.wake(name)
    may_go_on = not rows or (started.may_go_on and _call_and_settle(claim, started.deliveries))
    return len(ids), may_go_on


def _look_up_and_start(claim: Claim, rows: Sequence[DeliveryRow], contacts: Mapping[int, Contact]) -> _Started | None:
    """Ask vendors for contacts, then prepare and start; return None if the channel or the queue must pause."""
    ctx, connection, spec = claim.ctx, claim.connection, claim.spec
    ctx.leases.record_progress()
    if spec.customer_facing and not acquire_channel_rate(ctx, connection):
        return None
    lookups, answers = look_up_contacts(ctx, spec, connection, contacts)
    with ctx.ledger.write() as session:
        if not pauses.load_paused_scopes(session, ctx.state_dir).isdisjoint(pause_scopes(connection, spec)):
            return None
        ids = list(map(attrgetter("id"), rows))
        loaded = claims.load_claimed(session, DeliveryRow, ids, token=claim.token, without=UNUSED_DELIVERY_COLUMNS)
        ours = [row for row in loaded if row.lease_token == claim.token]
        batch = load_batch(ctx, session, connection, ours, lookups)
        started = _prepare_and_start(claim, session, batch, lookups, ctx.clock())
        for name, error in answers.items():
            if name == connection and started.deliveries:
                continue  # the call that follows tells more
            is_probe = claim.is_probe and name == connection
            may_go_on = record_outcomes(ctx, session, name, spec.action, [error], probe=is_probe)
            if name == connection:
                started = started._replace(may_go_on=may_go_on and not isinstance(error, STOPPING_ERRORS))
    return started


def _prepare_and_start(
    claim: Claim,
    session: Session,
    batch: PreparationBatch,
    lookups: Mapping[int, LookupResult],
    now: datetime,
    *,
    is_claimed_as_started: bool = False,
) -> _Started:
    """Build what is sent, record the start, and settle what is not attempted, in the transaction of the batch.

    With `is_claimed_as_started` the claim has recorded the start, and it is undone for what does not start.
    """
    spec, token = claim.spec, claim.token
    late = out_of_order_ids(session, batch.deliveries, token) if spec.is_ordered else set()
    ready = [row for row in batch.deliveries if row.id not in late] if late else batch.deliveries
    results = prepare_batch(spec, replace(batch, deliveries=ready), lookups)
    started: list[StartedDelivery] = []
    settled: list[SettledDelivery] = []
    columns: dict[int, Mapping[str, Any]] = {}
    for row in ready:
        result = results[row.id or 0]
        if isinstance(result, NotAttempted | Exception):
            settled.append(SettledDelivery(row, result))
        elif isinstance(result, Prepared):
            started.append(StartedDelivery(row, result.item, now))
            columns[row.id or 0] = result.columns
        else:
            started.append(StartedDelivery(row, result, now))
            columns[row.id or 0] = {}
    if not is_claimed_as_started:
        has_effect = not claim.starts_at_handover
        held = claims.start(session, DeliveryRow, list(columns), token=token, now=now, has_effect=has_effect)
        if len(held) < len(started):
            started = [delivery for delivery in started if delivery.row.id in held]
    elif late or settled:
        stopped = [*late, *(delivery.row.id or 0 for delivery in settled)]
        claims.undo_start(session, DeliveryRow, stopped, token=token, now=now)
    for delivery in started:
        if values := columns[delivery.row.id or 0]:
            session.execute(update(_DELIVERIES).where(_DELIVERIES.c.id == delivery.row.id).values(**values))
    if late:
        waits = {"state": "pending", "due_at": now + ORDER_RETRY_DELAY}
        claims.settle_many(session, DeliveryRow, dict.fromkeys(late, waits), token=token)
    queue_names = settle(claim.ctx, session, claim.connection, spec, settled, token) if settled else set()
    return _Started(started, queue_names)


def _call_and_settle(claim: Claim, started: Sequence[StartedDelivery]) -> bool:
    """Call the plugin for what has started, and settle it; return whether the queue may go on.

    A delivery in doubt is looked for first where the plugin can look; only one that is surely not there is sent again.
    """
    ctx, connection, spec = claim.ctx, claim.connection, claim.spec
    if not started:
        if claim.is_probe:
            _release(claim, [])
        return True
    to_send: list[StartedDelivery] = []
    settled: list[SettledDelivery] = []
    for delivery in started:
        ctx.leases.record_progress()
        looks = delivery.row.in_doubt and ctx.has(connection, "nps_find_existing")
        existing = find_existing(ctx, delivery.row, delivery.item) if looks else None
        if existing is None:
            to_send.append(delivery)
        else:
            settled.append(SettledDelivery(delivery.row, existing, called=True, started_at=delivery.started_at))
    to_send = _restart(claim, to_send) if ctx.leases.record_progress() > MAX_LEASE_AGE else to_send
    for delivery, outcome in zip(to_send, _call_hook(claim, to_send), strict=True):
        settled.append(SettledDelivery(delivery.row, outcome, called=True, started_at=delivery.started_at))
    if spec.has_exclusive_receipt:
        settled = reject_duplicate_receipts(ctx, connection, spec, settled)
    for wait in SETTLE_RETRY_DELAYS_SECONDS:
        try:
            return settle_batch(claim, settled)
        except DBAPIError as error:  # the database is restarting, unreachable or full
            if ctx.ledger.storage.problem is None:  # which the ledger logs
                log.warning("settle_delayed error=%s", type(error.orig).__name__)
            ctx.connections[connection].sleep(wait)
    return settle_batch(claim, settled)


def _restart(claim: Claim, started: Sequence[StartedDelivery]) -> list[StartedDelivery]:
    """Start deliveries anew whose lease is old; return those whose lease is still held."""
    ids = [delivery.row.id or 0 for delivery in started]
    held = restart(claim.ctx, claim.token, ids, has_effect=not claim.starts_at_handover)
    return [delivery for delivery in started if delivery.row.id in held]


def settle_batch(claim: Claim, settled: Sequence[SettledDelivery]) -> bool:
    """Settle the outcomes of one call in a transaction of its own; return whether the queue may go on."""
    ctx = claim.ctx
    with ctx.ledger.write() as session:
        queue_names = settle(ctx, session, claim.connection, claim.spec, settled, claim.token)
        outcomes = list(map(attrgetter("outcome"), settled))
        may_go_on = record_outcomes(ctx, session, claim.connection, claim.spec.action, outcomes, probe=claim.is_probe)
    for queue_name in queue_names:
        ctx.wake(queue_name)
    for delivery in settled:
        may_go_on &= not isinstance(delivery.outcome, STOPPING_ERRORS)
    return may_go_on


def _call_hook(claim: Claim, deliveries: Sequence[StartedDelivery]) -> Sequence[Receipt | Exception]:
    ctx, connection, spec = claim.ctx, claim.connection, claim.spec
    items, target = list(map(attrgetter("item"), deliveries)), ctx.connections[connection]
    if not items:
        return []
    if claim.starts_at_handover:
        ids = {delivery.row.key: delivery.row.id or 0 for delivery in deliveries}
        target = replace(target, record_handover=partial(start_at_handover, ctx, claim.token, ids))
    try:
        return ctx.plugins.deliver(target.settings.plugin, spec.hook, target, items)
    except PluginError as error:
        log.error("plugin_contract_broken connection=%s action=%s: %s", connection, spec.action, error.problem)
        return [error] * len(items)
    except Exception as error:  # a plugin may raise anything
        log.exception("plugin_failed connection=%s action=%s", connection, spec.action)
        return [error] * len(items)


def _release(claim: Claim, rows: Sequence[DeliveryRow]) -> None:
    """Give claimed rows back that were not started, and the probe of the circuit breaker."""
    with claim.ctx.ledger.write() as session:
        claims.release(session, DeliveryRow, [row.id or 0 for row in rows], token=claim.token)
        if claim.is_probe:
            scope = pauses.connection_scope(claim.connection)
            pauses.release_probe(session, scope, now=claim.ctx.clock())
