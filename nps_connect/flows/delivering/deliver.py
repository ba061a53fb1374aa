"""Deliver: claim due deliveries of one lane, call one hook of one plugin, settle each item.

The order of every try: claim (commit) - look people up anew - prepare and start (commit) - call - settle (commit).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from sqlalchemy import func
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import Session, col

from nps_connect.errors import DeliveryError, PluginError
from nps_connect.flows.contacts.people import foresee_answers
from nps_connect.flows.context import Context, delivery_lane
from nps_connect.flows.delivering import bulk
from nps_connect.flows.delivering.attempts import Settled
from nps_connect.flows.delivering.bulk import ONE_AT_A_TIME, Started
from nps_connect.flows.delivering.doubts import look_for
from nps_connect.flows.delivering.endings import Ending
from nps_connect.flows.delivering.insisting import insist
from nps_connect.flows.delivering.lookups import Looked, look_anew
from nps_connect.flows.delivering.ordering import fetch, out_of_order
from nps_connect.flows.delivering.pacing import paced
from nps_connect.flows.delivering.preparing import prepare
from nps_connect.flows.delivering.receipts import refuse_foreign
from nps_connect.flows.delivering.settle import settle_batch
from nps_connect.ledger import breakers, claims, pauses
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.connectors import ActionInfo
from nps_connect.records.contacts import Contact
from nps_connect.records.deliveries import Action, Payload, Receipt

log = logging.getLogger(__name__)

ONE_BY_ONE = 10
"""Rows claimed at once where the vendor takes them one by one; a crash gives the unstarted ones back."""

HOOKS: dict[str, str] = {
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
    declared = ctx.info_of(connection).action(action)
    if declared is not None:
        return declared
    return ActionInfo(action=action, doubt="resend" if action == "send_fallback" else "hold")


def scopes_of(connection: str, action: str) -> tuple[str, ...]:
    """The scopes of which any one, being stopped, stops the lane."""
    own = (pauses.of_connection(connection), pauses.of_lane(connection, action))
    return (*own, pauses.MAIL) if action in CUSTOMER_FACING else own


def _is_stopped(session: Session, connection: str, action: str) -> bool:
    return not pauses.stopped(session).isdisjoint(scopes_of(connection, action))


def drain_deliveries(
    ctx: Context, connection: str, action: Action, *, stopping: Callable[[], bool] = lambda: False
) -> int:
    """Work off one claim of a lane; returns how many rows were claimed.

    Args:
        ctx: the joined parts.
        connection: name of the connection.
        action: the action; with the connection it names the lane.
        stopping: asked between calls; once true, what has not started is given back.
    """
    info = action_info(ctx, connection, action)
    lane, scope, token = delivery_lane(connection, action), pauses.of_connection(connection), ctx.token()
    most = info.batch_size if info.batch_size > 1 else ONE_BY_ONE
    with ctx.ledger.write() as session:
        if _is_stopped(session, connection, action):
            return 0
        breaker = breakers.take(session, scope, now=ctx.clock())
        if breaker == "open":
            return 0
        limit = 1 if breaker == "probe" else most
        taken = _take(ctx, session, connection, action, token, limit, at_once=limit <= info.batch_size)
        if not taken.count and breaker == "probe":
            breakers.give_back(session, scope, now=ctx.clock())
    if taken.count == most:
        ctx.wake(lane)  # there is more: another thread or worker may join
    rows = taken.rest
    going_on = not taken.started or _finish(
        ctx, connection, action, info, taken.started, [], token, probe=breaker == "probe"
    )
    while rows and going_on and not stopping():
        if action in CUSTOMER_FACING and not paced(ctx, connection):
            break
        batch = rows[: info.batch_size]
        rows = rows[info.batch_size :]
        going_on = _deliver(ctx, connection, action, info, batch, token, probe=breaker == "probe")
    if rows:
        with ctx.ledger.write() as session:
            claims.release(session, DeliveryRow, [row.id or 0 for row in rows], token=token)
            if breaker == "probe":
                breakers.give_back(session, scope, now=ctx.clock())
    return taken.count


def _take(
    ctx: Context, session: Session, connection: str, action: Action, token: str, limit: int, *, at_once: bool
) -> bulk.Taken:
    """Claim; what can be started at once, is."""
    lane, now = delivery_lane(connection, action), ctx.clock()
    if at_once and action in bulk.ACTIONS:
        return bulk.take(session, connection, lane, token=token, now=now, limit=limit)
    rows = claims.claim(session, DeliveryRow, lane, token=token, now=now, limit=limit)
    return bulk.Taken(len(rows), rest=rows)


def _deliver(
    ctx: Context,
    connection: str,
    action: Action,
    info: ActionInfo,
    rows: Sequence[DeliveryRow],
    token: str,
    *,
    probe: bool,
) -> bool:
    """Deliver one batch; false when the lane should rest (a quota is used up, a connection is held)."""
    ctx.leases.progress()
    looked = look_anew(ctx, connection, action, rows)
    started, settled, stopped = _start(ctx, connection, action, rows, looked, token)
    return _finish(ctx, connection, action, info, started, settled, token, probe=probe) and not stopped


def _finish(
    ctx: Context,
    connection: str,
    action: Action,
    info: ActionInfo,
    started: Sequence[Started],
    settled: list[Settled],
    token: str,
    *,
    probe: bool,
) -> bool:
    """Call the plugin for what has started, and settle it; false when the lane should rest."""
    ctx.leases.progress()
    doubtful = [one for one in started if one.row.doubtful]
    fresh = [one for one in started if not one.row.doubtful]
    outcomes: list[Receipt | Exception] = []
    asked: list[Started] = []
    for one in doubtful:
        ctx.leases.progress()
        found = look_for(ctx, connection, action, one.row, one.item) if info.doubt == "look" else None
        if found is None:
            fresh.append(one)
        else:
            asked.append(one)
            outcomes.append(found)
    ctx.leases.progress()
    outcomes += _call(ctx, connection, action, [one.item for one in fresh])
    asked += fresh
    outcomes = refuse_foreign(ctx, connection, action, [one.row for one in asked], outcomes)
    settled += [Settled(one.row, outcome, called=True) for one, outcome in zip(asked, outcomes, strict=True)]
    return insist(
        lambda: settle_batch(ctx, connection, action, info, settled, token, called=bool(asked), probe=probe),
        ctx.connections[connection].sleep,
    )


def _start(
    ctx: Context,
    connection: str,
    action: Action,
    rows: Sequence[DeliveryRow],
    looked: dict[int, Looked],
    token: str,
) -> tuple[list[Started], list[Settled], bool]:
    """Read everything again, prepare what is to be sent, and note the start; all in one transaction.

    Returns:
        What has started, what ends without a call, and whether the lane was stopped meanwhile: then all are given back.
    """
    now = ctx.clock()
    started: list[Started] = []
    settled: list[Settled] = []
    with ctx.ledger.write() as session:
        if _is_stopped(session, connection, action):
            claims.release(session, DeliveryRow, [row.id or 0 for row in rows], token=token)
            return [], [], True
        ours = {row.id: row for row in fetch(session, rows) if row.lease_token == token}
        late = out_of_order(session, list(ours.values()), token)
        foresee_answers(session, {row.contact_id for row in ours.values() if row.contact_id and row.response_id})
        for claimed in rows:
            found = looked.get(claimed.id or 0)
            row = ours.get(claimed.id)
            if isinstance(found, DeliveryError | Ending):
                settled.append(Settled(claimed, found))
            elif row is not None and row.id in late:
                values = {"state": "pending", "due_at": now + ONE_AT_A_TIME}
                claims.settle(session, DeliveryRow, row.id or 0, token=token, values=values)
            elif row is not None:
                item = _prepared(ctx, session, row, found)
                if isinstance(item, Ending) and item.state == "held":  # at once: whoever lets it go on must find it
                    values = {"state": "held", "hold": item.reason}
                    claims.settle(session, DeliveryRow, row.id or 0, token=token, values=values)
                elif isinstance(item, Ending | Exception):
                    settled.append(Settled(row, item))
                else:
                    started.append(Started(row, item))
        session.flush()
        first = func.coalesce(col(DeliveryRow.first_started_at), now)
        ids = [one.row.id or 0 for one in started]
        held = claims.start(session, DeliveryRow, ids, token=token, now=now, first_started_at=first)
    for one in started:
        set_committed_value(one.row, "started_at", now)
        set_committed_value(one.row, "first_started_at", one.row.first_started_at or now)
    return [one for one in started if one.row.id in held], settled, False


def _prepared(ctx: Context, session: Session, row: DeliveryRow, looked: Contact | None) -> Payload | Ending | Exception:
    try:
        item = prepare(ctx, session, row, looked)
    except Exception as error:  # a corrupted row or a bug goes dead alone, the batch goes on
        log.exception("delivery cannot be prepared delivery=%s", row.id)
        return error
    if not isinstance(item, Ending) and keeps_bytes(row.action):
        row.payload = item.model_dump(mode="json")
    return item


def keeps_bytes(action: str) -> bool:
    """Whether a retry must send exactly what the first try sent."""
    return action == "open_ticket"


def _call(ctx: Context, connection: str, action: Action, items: Sequence[Payload]) -> Sequence[Receipt | Exception]:
    if not items:
        return []
    plugin, hook = ctx.plugin_of(connection), HOOKS[action]
    try:
        return ctx.plugins.deliver(plugin, hook, ctx.connections[connection], items)
    except PluginError as error:
        log.error("plugin broke its contract connection=%s action=%s: %s", connection, action, error.problem)
        return [error] * len(items)
    except Exception as error:  # a plugin may raise anything; it is contained and named
        log.exception("plugin failed connection=%s action=%s", connection, action)
        return [error] * len(items)
