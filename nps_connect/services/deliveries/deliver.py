"""Deliver: claim due deliveries of one queue, call one hook of one plugin, settle each item.

The order of every try: claim (commit) - look people up anew - prepare and start (commit) - call - settle (commit).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from sqlalchemy import func
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import Session, col

from nps_connect.errors import DeliveryError, PluginError
from nps_connect.ledger import circuit_breakers, claims, pauses
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.connectors import ActionInfo
from nps_connect.records.contacts import Contact
from nps_connect.records.deliveries import Action, Payload, Receipt
from nps_connect.services.contacts.store import preload_responses
from nps_connect.services.context import Context, delivery_queue
from nps_connect.services.deliveries import claim_scores
from nps_connect.services.deliveries.attempts import SettledDelivery
from nps_connect.services.deliveries.channel_rate import acquire_channel_rate
from nps_connect.services.deliveries.claim_scores import ORDER_RETRY_DELAY, StartedDelivery
from nps_connect.services.deliveries.contact_refresh import RefreshResult, refresh_contacts
from nps_connect.services.deliveries.db_retry import retry_write
from nps_connect.services.deliveries.delivery_order import load_with_relations, out_of_order_ids
from nps_connect.services.deliveries.preflight import NotAttempted
from nps_connect.services.deliveries.prepare import prepare
from nps_connect.services.deliveries.receipts import reject_duplicate_receipts
from nps_connect.services.deliveries.resolve_in_doubt import find_existing
from nps_connect.services.deliveries.settle import settle_batch

log = logging.getLogger(__name__)

UNBATCHED_CLAIM_SIZE = 10
"""Rows claimed at once where the vendor takes them one by one; a crash gives the unstarted ones back."""

HOOK_BY_ACTION: dict[str, str] = {
    "send_fallback": "nps_send_messages",
    "send_survey": "nps_send_messages",
    "send_reminder": "nps_send_messages",
    "invite_review": "nps_send_messages",
    "write_score": "nps_write_scores",
    "write_opt_out": "nps_write_opt_outs",
    "open_ticket": "nps_open_tickets",
    "update_ticket": "nps_update_tickets",
    "send_alert": "nps_send_alerts",
}
CUSTOMER_FACING = frozenset({"send_survey", "send_reminder", "invite_review"})


def action_info(ctx: Context, connection: str, action: Action) -> ActionInfo:
    """How the connection's plugin takes an action; mail of last resort goes like other mail, but may repeat."""
    declared = ctx.connector_info(connection).action(action)
    if declared is not None:
        return declared
    return ActionInfo(action=action, doubt="resend" if action == "send_fallback" else "hold")


def pause_scopes(connection: str, action: str) -> tuple[str, ...]:
    """The scopes of which any one, being stopped, stops the queue."""
    own = (pauses.connection_scope(connection), pauses.queue_scope(connection, action))
    return (*own, pauses.MAIL_SCOPE) if action in CUSTOMER_FACING else own


def _is_paused(session: Session, connection: str, action: str) -> bool:
    return not pauses.load_paused_scopes(session).isdisjoint(pause_scopes(connection, action))


def drain_deliveries(
    ctx: Context, connection: str, action: Action, *, stopping: Callable[[], bool] = lambda: False
) -> int:
    """Work off one claim of a queue; returns how many rows were claimed.

    Args:
        ctx: the joined parts.
        connection: name of the connection.
        action: the action; with the connection it names the queue.
        stopping: asked between calls; once true, what has not started is given back.
    """
    info = action_info(ctx, connection, action)
    queue_name, scope, token = delivery_queue(connection, action), pauses.connection_scope(connection), ctx.token()
    most = info.batch_size if info.batch_size > 1 else UNBATCHED_CLAIM_SIZE
    with ctx.ledger.write() as session:
        if _is_paused(session, connection, action):
            return 0
        breaker = circuit_breakers.acquire(session, scope, now=ctx.clock())
        if breaker == "open":
            return 0
        limit = 1 if breaker == "probe" else most
        taken = _claim(ctx, session, connection, action, token, limit, at_once=limit <= info.batch_size)
        if not taken.count and breaker == "probe":
            circuit_breakers.release_probe(session, scope, now=ctx.clock())
    if taken.count == most:
        ctx.wake(queue_name)  # there is more: another thread or worker may join
    rows = taken.rest
    going_on = not taken.started or _call_and_settle(
        ctx, connection, action, info, taken.started, [], token, probe=breaker == "probe"
    )
    while rows and going_on and not stopping():
        if action in CUSTOMER_FACING and not acquire_channel_rate(ctx, connection):
            break
        batch = rows[: info.batch_size]
        rows = rows[info.batch_size :]
        going_on = _deliver_batch(ctx, connection, action, info, batch, token, probe=breaker == "probe")
    if rows:
        with ctx.ledger.write() as session:
            claims.release(session, DeliveryRow, [row.id or 0 for row in rows], token=token)
            if breaker == "probe":
                circuit_breakers.release_probe(session, scope, now=ctx.clock())
    return taken.count


def _claim(
    ctx: Context, session: Session, connection: str, action: Action, token: str, limit: int, *, at_once: bool
) -> claim_scores.ClaimedDeliveries:
    """Claim; what can be started at once, is."""
    queue_name, now = delivery_queue(connection, action), ctx.clock()
    if at_once and action in claim_scores.CLAIM_AND_START_ACTIONS:
        return claim_scores.claim_and_start(session, connection, queue_name, token=token, now=now, limit=limit)
    rows = claims.claim(session, DeliveryRow, queue_name, token=token, now=now, limit=limit)
    return claim_scores.ClaimedDeliveries(len(rows), rest=rows)


def _deliver_batch(
    ctx: Context,
    connection: str,
    action: Action,
    info: ActionInfo,
    rows: Sequence[DeliveryRow],
    token: str,
    *,
    probe: bool,
) -> bool:
    """Deliver one batch; false when the queue should rest (a quota is used up, a connection is held)."""
    ctx.leases.record_progress()
    looked = refresh_contacts(ctx, connection, action, rows)
    started, settled, stopped = _prepare_and_start(ctx, connection, action, rows, looked, token)
    return _call_and_settle(ctx, connection, action, info, started, settled, token, probe=probe) and not stopped


def _call_and_settle(
    ctx: Context,
    connection: str,
    action: Action,
    info: ActionInfo,
    started: Sequence[StartedDelivery],
    settled: list[SettledDelivery],
    token: str,
    *,
    probe: bool,
) -> bool:
    """Call the plugin for what has started, and settle it; false when the queue should rest."""
    ctx.leases.record_progress()
    in_doubt = [one for one in started if one.row.in_doubt]
    fresh = [one for one in started if not one.row.in_doubt]
    outcomes: list[Receipt | Exception] = []
    asked: list[StartedDelivery] = []
    for one in in_doubt:
        ctx.leases.record_progress()
        found = find_existing(ctx, connection, action, one.row, one.item) if info.doubt == "look" else None
        if found is None:
            fresh.append(one)
        else:
            asked.append(one)
            outcomes.append(found)
    ctx.leases.record_progress()
    outcomes += _call_hook(ctx, connection, action, [one.item for one in fresh])
    asked += fresh
    outcomes = reject_duplicate_receipts(ctx, connection, action, [one.row for one in asked], outcomes)
    settled += [SettledDelivery(one.row, outcome, called=True) for one, outcome in zip(asked, outcomes, strict=True)]
    return retry_write(
        lambda: settle_batch(ctx, connection, action, info, settled, token, called=bool(asked), probe=probe),
        ctx.connections[connection].sleep,
    )


def _prepare_and_start(
    ctx: Context,
    connection: str,
    action: Action,
    rows: Sequence[DeliveryRow],
    looked: dict[int, RefreshResult],
    token: str,
) -> tuple[list[StartedDelivery], list[SettledDelivery], bool]:
    """Read everything again, prepare what is to be sent, and note the start; all in one transaction.

    Returns:
        What has started, what ends without a call, and whether the queue was stopped meanwhile: then all are given back.
    """
    now = ctx.clock()
    started: list[StartedDelivery] = []
    settled: list[SettledDelivery] = []
    with ctx.ledger.write() as session:
        if _is_paused(session, connection, action):
            claims.release(session, DeliveryRow, [row.id or 0 for row in rows], token=token)
            return [], [], True
        ours = {row.id: row for row in load_with_relations(session, rows) if row.lease_token == token}
        late = out_of_order_ids(session, list(ours.values()), token)
        preload_responses(session, {row.contact_id for row in ours.values() if row.contact_id and row.response_id})
        for claimed in rows:
            found = looked.get(claimed.id or 0)
            row = ours.get(claimed.id)
            if isinstance(found, DeliveryError | NotAttempted):
                settled.append(SettledDelivery(claimed, found))
            elif row is not None and row.id in late:
                values = {"state": "pending", "due_at": now + ORDER_RETRY_DELAY}
                claims.settle_many(session, DeliveryRow, {row.id or 0: values}, token=token)
            elif row is not None:
                item = _prepare_item(ctx, session, row, found)
                if (
                    isinstance(item, NotAttempted) and item.state == "held"
                ):  # at once: whoever lets it go on must find it
                    values = {"state": "held", "hold_code": item.hold_code, "hold_detail": item.detail}
                    claims.settle_many(session, DeliveryRow, {row.id or 0: values}, token=token)
                elif isinstance(item, NotAttempted | Exception):
                    settled.append(SettledDelivery(row, item))
                else:
                    started.append(StartedDelivery(row, item))
        session.flush()
        first = func.coalesce(col(DeliveryRow.first_started_at), now)
        ids = [one.row.id or 0 for one in started]
        held = claims.start(session, DeliveryRow, ids, token=token, now=now, first_started_at=first)
    for one in started:
        set_committed_value(one.row, "started_at", now)
        set_committed_value(one.row, "first_started_at", one.row.first_started_at or now)
    return [one for one in started if one.row.id in held], settled, False


def _prepare_item(
    ctx: Context, session: Session, row: DeliveryRow, looked: Contact | None
) -> Payload | NotAttempted | Exception:
    try:
        item = prepare(ctx, session, row, looked)
    except Exception as error:  # a corrupted row or a bug goes dead alone, the batch goes on
        log.exception("delivery cannot be prepared delivery=%s", row.id)
        return error
    if not isinstance(item, NotAttempted) and has_fixed_payload(row.action):
        row.payload = item.model_dump(mode="json")
    return item


def has_fixed_payload(action: str) -> bool:
    """Whether a retry must send exactly what the first try sent."""
    return action == "open_ticket"


def _call_hook(
    ctx: Context, connection: str, action: Action, items: Sequence[Payload]
) -> Sequence[Receipt | Exception]:
    if not items:
        return []
    plugin, hook = ctx.plugin_name(connection), HOOK_BY_ACTION[action]
    try:
        return ctx.plugins.deliver(plugin, hook, ctx.connections[connection], items)
    except PluginError as error:
        log.error("plugin broke its contract connection=%s action=%s: %s", connection, action, error.problem)
        return [error] * len(items)
    except Exception as error:  # a plugin may raise anything; it is contained and named
        log.exception("plugin failed connection=%s action=%s", connection, action)
        return [error] * len(items)
