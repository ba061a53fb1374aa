"""A detractor must not die silently: what is stuck goes by mail to the fallback address, repeated until handled."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import cast

from sqlalchemy import func, or_, select
from sqlmodel import Session, col

from nps_connect.ledger import pauses
from nps_connect.ledger.pauses import PauseRow
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.deliveries import Action, HoldCode, hold_text
from nps_connect.rendering import notices
from nps_connect.rules.routing import delivery_key
from nps_connect.services.context import Context, delivery_queue
from nps_connect.services.notices.staff_notices import notify_once

log = logging.getLogger(__name__)

ALARM_ACTIONS = ("open_ticket", "send_alert")
STUCK_AFTER = timedelta(minutes=5)
FIRST_ALARM_INTERVALS = (timedelta(0), timedelta(hours=1), timedelta(hours=6))
REPEAT_ALARM_INTERVAL = timedelta(days=1)
IN_DOUBT_GRACE = timedelta(minutes=2)
"""What is dead and in_doubt is looked for once more within this time (`last_look`)."""


def raise_alarms(ctx: Context) -> int:
    """Plan a mail for every ticket or alert that is stuck for five minutes; returns how many were planned.

    Stuck is: dead, held, or overdue (a stopped connection, a vendor that is down). The mail is repeated after 1 hour,
    6 hours, then daily, until the delivery has succeeded or an operator has cancelled it.
    """
    channel = next(
        (name for name in ctx.connections if ctx.connector_info(name).channel and ctx.has(name, "nps_send_messages")),
        None,
    )
    if channel is None or ctx.shadow:
        return 0
    queue_name = delivery_queue(channel, "send_fallback")
    with ctx.ledger.write() as session:
        planned = sum(_plan_alarm(ctx, session, channel, queue_name, row) for row in _load_stuck(ctx, session))
    if planned:
        ctx.wake(queue_name)
    return planned


def notify_pauses(ctx: Context) -> int:
    """Plan one mail to the fallback address for each stop that no operator asked for; returns how many were planned.

    Such are: a connection whose credentials a vendor refuses (401), an action that it forbids (403), a queue whose
    plugin is broken. A stop that ends and comes again is told again.
    """
    with ctx.ledger.read() as session:
        stops = [row for row in pauses.load_pauses(session).values() if row.cause != "operator"]
    if not stops:
        return 0
    stopped = {row.scope.partition(":")[2] for row in stops if row.scope.startswith(pauses.connection_scope(""))}
    queues: list[str] = []
    with ctx.ledger.write() as session:
        for row in stops:
            queues += notify_once(ctx, session, f"{row.scope}:{row.since}", _pause_notice(ctx, row), stopped=stopped)
    for queue_name in queues:
        ctx.wake(queue_name)
    return len(queues)


def _pause_notice(ctx: Context, row: PauseRow) -> str:
    return notices.render_connection_paused(
        ctx.settings.core.language, scope=row.scope, cause=row.cause, reason=row.reason
    )


def _load_stuck(ctx: Context, session: Session) -> list[DeliveryRow]:
    looked_for = col(DeliveryRow.finished_at) <= ctx.clock() - IN_DOUBT_GRACE
    untouched = col(DeliveryRow.due_at) <= ctx.clock() - STUCK_AFTER  # a route's own delay is no failure
    return list(
        session.execute(
            select(DeliveryRow)
            .where(
                col(DeliveryRow.action).in_(ALARM_ACTIONS),
                col(DeliveryRow.state).in_(("dead", "held", "pending")),
                col(DeliveryRow.created_at) <= ctx.clock() - STUCK_AFTER,
                or_(col(DeliveryRow.state) != "pending", col(DeliveryRow.attempts) > 0, untouched),
                col(DeliveryRow.response_id).is_not(None),
                or_(col(DeliveryRow.finished_at).is_(None), ~col(DeliveryRow.in_doubt), looked_for),
                or_(col(DeliveryRow.hold_code).is_(None), col(DeliveryRow.hold_code) != HoldCode.CONFLICTING_SCORES),
            )
            .order_by(col(DeliveryRow.id))
            .limit(500)
        ).scalars()
    )


def _plan_alarm(ctx: Context, session: Session, channel: str, queue_name: str, stuck: DeliveryRow) -> int:
    now = ctx.clock()
    sent, newest = session.execute(
        select(func.count(), func.max(col(DeliveryRow.created_at))).where(
            col(DeliveryRow.depends_on_id) == stuck.id, col(DeliveryRow.action) == "send_fallback"
        )
    ).one()
    wait = FIRST_ALARM_INTERVALS[sent] if sent < len(FIRST_ALARM_INTERVALS) else REPEAT_ALARM_INTERVAL
    if newest is not None and now < newest + wait:
        return 0
    values = {
        "key": delivery_key(action="send_fallback", subject=stuck.key, revision=sent, route=channel),
        "queue_name": queue_name,
        "connection": channel,
        "action": "send_fallback",
        "state": "pending",
        "due_at": now,
        "contact_id": stuck.contact_id,
        "response_id": stuck.response_id,
        "options": {"problem": _describe_problem(ctx, stuck)},
        "depends_on_id": stuck.id,
        "created_at": now,
    }
    log.error("alarm: delivery %s (%s) is stuck: %s", stuck.id, stuck.action, stuck.last_error or stuck.hold_code)
    return len(insert_many(session, DeliveryRow, [values], skip_existing=("key",), returning=("id",)))


def _describe_problem(ctx: Context, stuck: DeliveryRow) -> str:
    detail = (stuck.last_error or hold_text(stuck.hold_code, stuck.hold_detail) or "").strip()
    return notices.render_delivery_problem(
        ctx.settings.core.language,
        delivery_id=stuck.id or 0,
        action=cast("Action", stuck.action),
        connection=stuck.connection,
        state=stuck.state,
        error_kind=stuck.error_kind,
        detail=detail.splitlines()[-1] if detail else "",
    )
