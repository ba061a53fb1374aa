"""Deliver: claim due deliveries of one lane, call one hook of one plugin, settle each item.

The order of every try: claim (commit) - look people up anew - prepare and start (commit) - call - settle (commit).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nps_connect.errors import DeliveryError, PluginError
from nps_connect.flows.context import Context, delivery_lane
from nps_connect.flows.doubts import look_for
from nps_connect.flows.lookups import Looked, look_anew
from nps_connect.flows.preparing import Ending, prepare
from nps_connect.flows.settle import Settled, settle_batch
from nps_connect.ledger import claims
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.connectors import ActionInfo
from nps_connect.records.deliveries import Action, Payload, Receipt

log = logging.getLogger(__name__)

ONE_BY_ONE = 10
"""Rows claimed at once where the vendor takes them one by one; a crash gives the unstarted ones back."""

HOOKS: dict[str, str] = {
    "send_fallback": "nps_send_messages",
    "send_survey": "nps_send_messages",
    "invite_review": "nps_send_messages",
    "write_score": "nps_write_scores",
    "write_opt_out": "nps_write_opt_outs",
    "open_ticket": "nps_open_tickets",
    "update_ticket": "nps_update_tickets",
    "send_alert": "nps_send_alerts",
}
CUSTOMER_FACING = frozenset({"send_survey", "invite_review"})


@dataclass(frozen=True)
class Started:
    """A delivery whose effect begins now."""

    row: DeliveryRow
    item: Payload


def action_info(ctx: Context, connection: str, action: Action) -> ActionInfo:
    """How the connection's plugin takes an action; mail of last resort goes like other mail, but may repeat."""
    declared = ctx.info_of(connection).action(action)
    if declared is not None:
        return declared
    return ActionInfo(action=action, doubt="resend" if action == "send_fallback" else "hold")


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
    token = ctx.token()
    with ctx.ledger.write() as session:
        rows = claims.claim(
            session,
            DeliveryRow,
            delivery_lane(connection, action),
            token=token,
            now=ctx.clock(),
            limit=info.batch_size if info.batch_size > 1 else ONE_BY_ONE,
        )
        rows, again = _one_per_contact(rows) if info.batch_size > 1 else (rows, [])
        claims.release(session, DeliveryRow, [row.id or 0 for row in again], token=token)
    if not rows:
        return 0
    for begin in range(0, len(rows), info.batch_size):
        batch = rows[begin : begin + info.batch_size]
        if stopping():
            with ctx.ledger.write() as session:
                claims.release(session, DeliveryRow, [row.id or 0 for row in rows[begin:]], token=token)
            break
        if not _deliver(ctx, connection, action, info, batch, token):
            rest = rows[begin + info.batch_size :]
            with ctx.ledger.write() as session:
                claims.release(session, DeliveryRow, [row.id or 0 for row in rest], token=token)
            break
    return len(rows)


def _deliver(
    ctx: Context, connection: str, action: Action, info: ActionInfo, rows: Sequence[DeliveryRow], token: str
) -> bool:
    """Deliver one batch; false when the lane should rest (a quota is used up, a connection is held)."""
    looked = look_anew(ctx, connection, action, rows)
    started, settled = _start(ctx, rows, looked, token)
    doubtful = [one for one in started if one.row.doubtful]
    fresh = [one for one in started if not one.row.doubtful]
    for one in doubtful:
        found = look_for(ctx, connection, action, one.row, one.item) if info.doubt == "look" else None
        if found is None:
            fresh.append(one)
        else:
            settled.append(Settled(one.row, found))
    outcomes = _call(ctx, connection, action, [one.item for one in fresh])
    settled += [Settled(one.row, outcome) for one, outcome in zip(fresh, outcomes, strict=True)]
    return settle_batch(ctx, connection, action, info, settled, token)


def _start(
    ctx: Context, rows: Sequence[DeliveryRow], looked: dict[int, Looked], token: str
) -> tuple[list[Started], list[Settled]]:
    """Read everything again, prepare what is to be sent, and note the start; all in one transaction."""
    now = ctx.clock()
    started: list[Started] = []
    settled: list[Settled] = []
    with ctx.ledger.write() as session:
        for claimed in rows:
            row_id = claimed.id or 0
            found = looked.get(row_id)
            if isinstance(found, DeliveryError | Ending):
                settled.append(Settled(claimed, found))
                continue
            row = session.get(DeliveryRow, row_id)
            if row is None or row.lease_token != token:
                continue
            try:
                item = prepare(ctx, session, row, found)
            except Exception as error:  # a corrupted row or a bug goes dead alone, the batch goes on
                log.exception("delivery cannot be prepared delivery=%s", row_id)
                settled.append(Settled(claimed, error))
                continue
            if isinstance(item, Ending):
                settled.append(Settled(row, item))
                continue
            row.first_started_at = row.first_started_at or now
            row.payload = item.model_dump(mode="json") if keeps_bytes(row.action) else None
            started.append(Started(row, item))
        session.flush()
        held = claims.start(session, DeliveryRow, [one.row.id or 0 for one in started], token=token, now=now)
    return [one for one in started if one.row.id in held], settled


def keeps_bytes(action: str) -> bool:
    """Whether a retry must send exactly what the first try sent."""
    return action == "open_ticket"


def _call(
    ctx: Context, connection: str, action: Action, items: Sequence[Payload]
) -> Sequence[Receipt | DeliveryError | Exception]:
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


def _one_per_contact(rows: Sequence[DeliveryRow]) -> tuple[list[DeliveryRow], list[DeliveryRow]]:
    """One row per person in a batch, the oldest first; the others are given back."""
    first: dict[int | None, DeliveryRow] = {}
    again = []
    for row in rows:
        if row.contact_id in first:
            again.append(row)
        else:
            first[row.contact_id] = row
    return list(first.values()), again
