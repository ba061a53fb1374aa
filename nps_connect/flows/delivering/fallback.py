"""A detractor must not die silently: what is stuck goes by mail to the fallback address, repeated until handled."""

from __future__ import annotations

import logging
from datetime import timedelta

from sqlalchemy import func, or_, select
from sqlmodel import Session, col

from nps_connect.flows.context import Context, delivery_lane
from nps_connect.flows.minding.noticing import notify_once
from nps_connect.flows.responding.contest import CONTESTED
from nps_connect.ledger import pauses
from nps_connect.ledger.keeping import PauseRow
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.ledger.upserts import insert_new
from nps_connect.rules.routing import delivery_key
from nps_connect.wording import notices

log = logging.getLogger(__name__)

WATCHED = ("open_ticket", "send_alert")
PATIENCE = timedelta(minutes=5)
REPEATS = (timedelta(0), timedelta(hours=1), timedelta(hours=6))
DAILY = timedelta(days=1)
LAST_LOOK = timedelta(minutes=2)
"""What is dead and doubtful is looked for once more within this time (`last_look`)."""


def raise_alarms(ctx: Context) -> int:
    """Plan a mail for every ticket or alert that is stuck for five minutes; returns how many were planned.

    Stuck is: dead, held, or overdue (a stopped connection, a vendor that is down). The mail is repeated after 1 hour,
    6 hours, then daily, until the delivery has succeeded or an operator has cancelled it.
    """
    channel = next(
        (name for name in ctx.connections if ctx.info_of(name).channel and ctx.has(name, "nps_send_messages")), None
    )
    if channel is None or ctx.shadow:
        return 0
    lane = delivery_lane(channel, "send_fallback")
    with ctx.ledger.write() as session:
        planned = sum(_alarm(ctx, session, channel, lane, row) for row in _stuck(ctx, session))
    if planned:
        ctx.wake(lane)
    return planned


def tell_stops(ctx: Context) -> int:
    """Plan one mail to the fallback address for each stop that no operator asked for; returns how many were planned.

    Such are: a connection whose credentials a vendor refuses (401), an action that it forbids (403), a lane whose
    plugin is broken. A stop that ends and comes again is told again.
    """
    with ctx.ledger.read() as session:
        stops = [row for row in pauses.current(session).values() if row.cause != "operator"]
    if not stops:
        return 0
    stopped = {row.scope.partition(":")[2] for row in stops if row.scope.startswith(pauses.of_connection(""))}
    lanes: list[str] = []
    with ctx.ledger.write() as session:
        for row in stops:
            lanes += notify_once(ctx, session, f"{row.scope}:{row.since}", _stop(ctx, row), stopped=stopped)
    for lane in lanes:
        ctx.wake(lane)
    return len(lanes)


def _stop(ctx: Context, row: PauseRow) -> str:
    return notices.stopped(
        ctx.settings.core.language,
        name=row.scope.partition(":")[2],
        reason=row.reason,
        scope=row.scope,
        by_itself=row.cause != "plugin",
    )


def _stuck(ctx: Context, session: Session) -> list[DeliveryRow]:
    looked_for = col(DeliveryRow.finished_at) <= ctx.clock() - LAST_LOOK
    untouched = col(DeliveryRow.due_at) <= ctx.clock() - PATIENCE  # a route's own delay is no failure
    return list(
        session.execute(
            select(DeliveryRow)
            .where(
                col(DeliveryRow.action).in_(WATCHED),
                col(DeliveryRow.state).in_(("dead", "held", "pending")),
                col(DeliveryRow.created_at) <= ctx.clock() - PATIENCE,
                or_(col(DeliveryRow.state) != "pending", col(DeliveryRow.attempts) > 0, untouched),
                col(DeliveryRow.response_id).is_not(None),
                or_(col(DeliveryRow.finished_at).is_(None), ~col(DeliveryRow.doubtful), looked_for),
                or_(col(DeliveryRow.hold).is_(None), col(DeliveryRow.hold) != CONTESTED),
            )
            .order_by(col(DeliveryRow.id))
            .limit(500)
        ).scalars()
    )


def _alarm(ctx: Context, session: Session, channel: str, lane: str, stuck: DeliveryRow) -> int:
    now = ctx.clock()
    sent, newest = session.execute(
        select(func.count(), func.max(col(DeliveryRow.created_at))).where(
            col(DeliveryRow.after_id) == stuck.id, col(DeliveryRow.action) == "send_fallback"
        )
    ).one()
    wait = REPEATS[sent] if sent < len(REPEATS) else DAILY
    if newest is not None and now < newest + wait:
        return 0
    values = {
        "key": delivery_key(action="send_fallback", subject=stuck.key, revision=sent, route=channel),
        "lane": lane,
        "connection": channel,
        "action": "send_fallback",
        "state": "pending",
        "due_at": now,
        "contact_id": stuck.contact_id,
        "response_id": stuck.response_id,
        "options": {"problem": _problem(stuck)},
        "after_id": stuck.id,
        "created_at": now,
    }
    log.error("alarm: delivery %s (%s) is stuck: %s", stuck.id, stuck.action, stuck.last_error or stuck.hold)
    return insert_new(session, DeliveryRow, [values], ("key",))


def _problem(stuck: DeliveryRow) -> str:
    why = stuck.last_error or stuck.hold or "still waiting"
    return f"{stuck.action} / {stuck.connection}: {stuck.state} ({why.strip().splitlines()[-1][:300]})"
