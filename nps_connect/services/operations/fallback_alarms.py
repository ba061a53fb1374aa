"""Alarms: a ticket or alert that is stuck goes by mail to the fallback address, repeated until handled."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import func, or_, select
from sqlmodel import Session, col

from nps_connect.ledger import pauses
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.actions import Action, HoldCode, hold_text
from nps_connect.records.finding_kinds import pause_kind
from nps_connect.records.messages import Address, Message
from nps_connect.rendering import notices, staff_texts
from nps_connect.services.action_spec import ActionHandler, NotAttempted, PreparationBatch
from nps_connect.services.cases.cases import load_tickets
from nps_connect.services.context import Context
from nps_connect.services.deliveries.factory import NewDelivery, enqueue_deliveries
from nps_connect.services.deliveries.preparation import contact_response
from nps_connect.services.notices.staff_notices import FALLBACK_ACTION, RECIPIENT_OPTION, notify_once, staff_channels
from nps_connect.services.users.link_mails import build_user_link, is_user_link

log = logging.getLogger(__name__)

STUCK_AFTER = timedelta(minutes=5)
FIRST_ALARM_INTERVALS = (timedelta(0), timedelta(hours=1), timedelta(hours=6))
REPEAT_ALARM_INTERVAL = timedelta(days=1)
IN_DOUBT_GRACE = timedelta(minutes=2)
"""A dead delivery in doubt is looked for once more within this time (`resolve_in_doubt`)."""

MAX_ALARMS_PER_RUN = 500

STUCK_FINDINGS = {"dead": "deliveries-dead", "held": "deliveries-held", "pending": "deliveries-overdue"}
"""The kind of finding by the state of a delivery that is stuck."""

NOTIFIED_CAUSES = pauses.CREDENTIAL_CAUSES | {"plugin", "bounces"}
"""Causes of pauses that staff is notified of by mail; while the database is paused no mail is sent."""


def raise_alarms(ctx: Context) -> int:
    """Enqueue a mail for every ticket or alert that is stuck for five minutes; return how many.

    Stuck means dead, held, or overdue (a paused connection, a vendor that is down). The mail is repeated after 1 hour,
    6 hours, then daily, until the delivery has succeeded or an operator has cancelled it.
    """
    channels = staff_channels(ctx)
    if not channels or ctx.shadow:
        return 0
    now = ctx.clock()
    with ctx.ledger.write() as session:
        due = [(row, sent) for row in _load_stuck(ctx, session) if (sent := _due_alarm(session, row, now)) is not None]
        alarms = [_build_alarm(ctx, channels[0], row, sent) for row, sent in due]
        enqueued = enqueue_deliveries(session, alarms, now, skip_existing=True)
    for queue_name in enqueued.queue_names:
        ctx.wake(queue_name)
    return enqueued.inserted


def notify_pauses(ctx: Context) -> int:
    """Enqueue one mail to the fallback address for each pause because of a vendor or plugin; return how many.

    Such are: a connection whose credentials a vendor refuses (401), an action that it forbids (403), a queue whose
    plugin is broken, mail that came back so often that a mistake is likely. A pause that ends and comes again is
    reported again.
    """
    with ctx.ledger.read() as session:
        active = [pause for pause in pauses.load_pauses(session).values() if pause.cause in NOTIFIED_CAUSES]
    if not active:
        return 0
    prefix = pauses.connection_scope("")
    stopped = {pause.scope.removeprefix(prefix) for pause in active if pause.scope.startswith(prefix)}
    queue_names: list[str] = []
    with ctx.ledger.write() as session:
        for pause in active:
            notice = notices.render_connection_paused(
                ctx.settings.core.language, scope=pause.scope, cause=pause.cause, reason=pause.reason
            )
            subject, finding = f"{pause.scope}:{pause.since}", pause_kind(pause.cause, pause.scope)
            queue_names += notify_once(ctx, session, subject, notice, finding=finding, stopped=stopped)
    for queue_name in queue_names:
        ctx.wake(queue_name)
    return len(queue_names)


def _load_stuck(ctx: Context, session: Session) -> list[DeliveryRow]:
    now = ctx.clock()
    actions = [spec.action for spec in ctx.actions.values() if spec.alarms_staff]
    was_looked_for = col(DeliveryRow.finished_at) <= now - IN_DOUBT_GRACE
    is_overdue = col(DeliveryRow.due_at) <= now - STUCK_AFTER  # the delay of a route is no failure
    query = select(DeliveryRow).where(
        col(DeliveryRow.action).in_(actions),
        col(DeliveryRow.state).in_(("dead", "held", "pending")),
        col(DeliveryRow.created_at) <= now - STUCK_AFTER,
        or_(col(DeliveryRow.state) != "pending", col(DeliveryRow.attempts) > 0, is_overdue),
        col(DeliveryRow.response_id).is_not(None),
        or_(col(DeliveryRow.finished_at).is_(None), ~col(DeliveryRow.in_doubt), was_looked_for),
        or_(col(DeliveryRow.hold_code).is_(None), col(DeliveryRow.hold_code) != HoldCode.CONFLICTING_SCORES),
    )
    return list(session.execute(query.order_by(col(DeliveryRow.id)).limit(MAX_ALARMS_PER_RUN)).scalars())


def _due_alarm(session: Session, stuck: DeliveryRow, now: datetime) -> int | None:
    """Return how many alarms about a delivery were sent if the next one is due, else None."""
    sent, newest = session.execute(
        select(func.count(), func.max(col(DeliveryRow.created_at))).where(
            col(DeliveryRow.depends_on_id) == stuck.id, col(DeliveryRow.action) == FALLBACK_ACTION
        )
    ).one()
    interval = FIRST_ALARM_INTERVALS[sent] if sent < len(FIRST_ALARM_INTERVALS) else REPEAT_ALARM_INTERVAL
    return sent if newest is None or now >= newest + interval else None


def _build_alarm(ctx: Context, channel: str, stuck: DeliveryRow, sent: int) -> NewDelivery:
    reason, finding = stuck.last_error or stuck.hold_code, STUCK_FINDINGS[stuck.state]
    log.error('delivery_stuck finding=%s delivery=%s action=%s reason="%s"', finding, stuck.id, stuck.action, reason)
    return NewDelivery(
        connection=channel,
        action=FALLBACK_ACTION,
        subject=stuck.key,
        key_revision=sent,
        due_at=ctx.clock(),
        contact_id=stuck.contact_id,
        response_id=stuck.response_id,
        options={"problem": _describe_problem(ctx, stuck), "finding": finding},
        depends_on_id=stuck.id,
    )


def _describe_problem(ctx: Context, stuck: DeliveryRow) -> str:
    detail = (stuck.last_error or hold_text(stuck.hold_code, stuck.hold_detail) or "").strip()
    return notices.render_delivery_problem(
        ctx.settings.core.language,
        delivery_id=stuck.id or 0,
        action=cast("Action", stuck.action),
        connection=stuck.connection,
        state=stuck.state,
        kind=stuck.hold_code if stuck.state == "held" else stuck.error_kind,
        detail=detail.splitlines()[-1] if detail else "",
    )


def _build_fallback(batch: PreparationBatch, row: DeliveryRow) -> Message | NotAttempted:
    core = batch.ctx.settings.core
    if is_user_link(row):
        return build_user_link(batch, row)
    if row.response_id is None:  # something stopped by itself: no response has led to it
        rendered = staff_texts.render_notice(
            language=core.language,
            company=core.company,
            url=core.url,
            problem=str(row.options["problem"]),
            finding=row.options.get("finding"),
        )
    else:
        ticket = load_tickets(batch.session, [row.response_id]).get(row.response_id)
        rendered = staff_texts.render_fallback(
            language=core.language,
            company=core.company,
            answered=contact_response(batch, row),
            problem=row.options["problem"],
            finding=row.options.get("finding"),
            ticket_link=ticket.link if ticket is not None else None,
        )
    return Message(
        idempotency_key=row.key,
        message_id=batch.ctx.links.message_id(row.key),
        kind="fallback",
        to=Address(email=row.options.get(RECIPIENT_OPTION) or core.fallback_email),
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        language=rendered.language,
    )


SEND_FALLBACK_HANDLER = ActionHandler(build=_build_fallback)
