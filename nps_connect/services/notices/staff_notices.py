"""Noticing: what stops by itself is told to staff by mail, once, or once a day for each cause."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlmodel import Session

from nps_connect.ledger.tables import DeliveryRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.rendering import notices
from nps_connect.rules.routing import delivery_key
from nps_connect.rules.timing import local_date
from nps_connect.services.context import Context, delivery_queue

log = logging.getLogger(__name__)


def notify_decision_limits(ctx: Context, session: Session, verdicts: Sequence[Mapping[str, Any]]) -> set[str]:
    """Tell staff of a full day and of triggers that are held; returns the queues that have work now."""
    queues = set()
    if any(one["reason"] == "daily_cap" for one in verdicts):
        full = notices.render_daily_cap_reached(ctx.settings.core.language, cap=ctx.settings.limits.surveys_per_day)
        queues |= notify_once_per_day(ctx, session, "surveys_per_day", full)
    for trigger in sorted({one["trigger"] for one in verdicts if one["reason"] == "unusual"}):
        flood = notices.render_trigger_held(ctx.settings.core.language, trigger=trigger)
        queues |= notify_once_per_day(ctx, session, f"unusual:{trigger}", flood)
    return queues


def notify_once_per_day(ctx: Context, session: Session, cause: str, problem: str) -> set[str]:
    """Plan a mail to the fallback address, once per cause and day; returns its queue if it is new."""
    return notify_once(ctx, session, f"{cause}:{local_date(ctx.clock(), ctx.settings.core.zone)}", problem)


def notify_once(
    ctx: Context, session: Session, subject: str, problem: str, *, stopped: Collection[str] = ()
) -> set[str]:
    """Plan a mail to the fallback address, once per subject; returns its queue if it is new.

    Args:
        ctx: the joined parts.
        session: the transaction.
        subject: what is told.
        problem: in words; the first sentence is the mail's subject.
        stopped: connections that should not carry it if another one can.
    """
    channels = [
        name for name in ctx.connections if ctx.connector_info(name).channel and ctx.has(name, "nps_send_messages")
    ]
    if ctx.shadow:
        log.warning("shadow mode sends nothing, so staff is not told by mail: %s", problem)
        return set()
    if not channels:
        return set()
    channel = next((name for name in channels if name not in stopped), channels[0])
    now = ctx.clock()
    queue_name = delivery_queue(channel, "send_fallback")
    row = {
        "key": delivery_key(action="send_fallback", subject=subject, revision=None, route="notice"),
        "queue_name": queue_name,
        "connection": channel,
        "action": "send_fallback",
        "state": "pending",
        "due_at": now,
        "options": {"problem": problem},
        "created_at": now,
    }
    return {queue_name} if insert_many(session, DeliveryRow, [row], skip_existing=("key",), returning=("id",)) else set()
