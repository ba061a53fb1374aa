"""Notices to staff by mail to the fallback address: once per subject, or once a day per cause."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlmodel import Session

from nps_connect.rendering import notices
from nps_connect.rules.timing import local_date
from nps_connect.services.context import Context
from nps_connect.services.deliveries.factory import NewDelivery, enqueue_deliveries

log = logging.getLogger(__name__)


def notify_decision_limits(ctx: Context, session: Session, decisions: Sequence[Mapping[str, Any]]) -> set[str]:
    """Notify staff of a reached daily cap and of held triggers; return the queues with new work."""
    queues = set()
    if any(decision["reason"] == "daily_cap" for decision in decisions):
        notice = notices.render_daily_cap_reached(ctx.settings.core.language, cap=ctx.settings.limits.surveys_per_day)
        queues |= notify_once_per_day(ctx, session, "surveys_per_day", notice)
    for trigger in sorted({decision["trigger"] for decision in decisions if decision["reason"] == "unusual"}):
        notice = notices.render_trigger_held(ctx.settings.core.language, trigger=trigger)
        queues |= notify_once_per_day(ctx, session, f"unusual:{trigger}", notice)
    return queues


def notify_once_per_day(ctx: Context, session: Session, cause: str, problem: str) -> set[str]:
    """Enqueue a notice, once per cause and calendar day; return its queue if it is new."""
    return notify_once(ctx, session, f"{cause}:{local_date(ctx.clock(), ctx.settings.core.zone)}", problem)


def notify_once(
    ctx: Context, session: Session, subject: str, problem: str, *, stopped: Collection[str] = ()
) -> set[str]:
    """Enqueue a notice, once per subject; return its queue if it is new.

    Args:
        ctx: the application context.
        session: the transaction.
        subject: identifies the notice.
        problem: text of the notice; its first sentence becomes the subject line.
        stopped: connections that do not carry the notice if another channel can.
    """
    channels = [
        name for name in ctx.connections if ctx.connector_info(name).channel and ctx.has(name, "nps_send_messages")
    ]
    if ctx.shadow:
        log.warning("notice_not_sent mode=shadow notice=%s", problem)
        return set()
    if not channels:
        return set()
    notice = NewDelivery(
        connection=next((name for name in channels if name not in stopped), channels[0]),
        action="send_fallback",
        subject=subject,
        route="notice",
        due_at=ctx.clock(),
        options={"problem": problem},
    )
    return enqueue_deliveries(session, [notice], ctx.clock(), skip_existing=True).queue_names
