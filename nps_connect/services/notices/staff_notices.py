"""Mails to staff about what needs attention: each once, or once a day per cause."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlmodel import Session

from nps_connect.ledger.subjects import mailbox_hash
from nps_connect.rendering import notices
from nps_connect.rules.timing import local_date, next_allowed_time
from nps_connect.services.context import Context
from nps_connect.services.deliveries.factory import NewDelivery, enqueue_deliveries

log = logging.getLogger(__name__)

FALLBACK_ACTION: Final = "send_fallback"
RECIPIENT_OPTION = "to"
"""Key of a delivery's options: the address of staff that it goes to, in place of the fallback address."""


def staff_channels(ctx: Context) -> list[str]:
    """Return the connections that can send mail, in the order of the configuration."""
    return [name for name in ctx.connections if ctx.connector_info(name).channel and ctx.has(name, "nps_send_messages")]


def notify_decision_limits(ctx: Context, session: Session, decisions: Sequence[Mapping[str, Any]]) -> set[str]:
    """Notify staff of a full day and of held triggers; return the queues with new work."""
    language, queue_names = ctx.settings.core.language, set()
    if any(decision["reason"] == "daily_cap" for decision in decisions):
        problem = notices.render_daily_cap_reached(language, cap=ctx.settings.limits.surveys_per_day)
        queue_names |= notify_once_per_day(ctx, session, "surveys_per_day", problem, finding="daily-limit")
    for trigger in sorted({decision["trigger"] for decision in decisions if decision["reason"] == "unusual"}):
        problem = notices.render_trigger_held(language, trigger=trigger)
        queue_names |= notify_once_per_day(ctx, session, f"unusual:{trigger}", problem, finding="people-held")
    return queue_names


def notify_once_per_day(ctx: Context, session: Session, cause: str, problem: str, *, finding: str) -> set[str]:
    """Enqueue a mail to the fallback address, once per cause and day; return its queue if it is new."""
    subject = f"{cause}:{local_date(ctx.clock(), ctx.settings.core.zone)}"
    return notify_once(ctx, session, subject, problem, finding=finding)


def notify_once(
    ctx: Context,
    session: Session,
    subject: str,
    problem: str,
    *,
    finding: str,
    stopped: Collection[str] = (),
    recipients: Collection[str] = (),
    is_urgent: bool = True,
) -> set[str]:
    """Enqueue a mail to staff, once per subject and recipient; return its queue if it is new.

    Args:
        ctx: the application context.
        session: the transaction.
        subject: identifies what is reported.
        problem: the text; its first sentence is the subject of the mail.
        finding: the id of its kind, see `records.finding_kinds`.
        stopped: connections that carry it only if no other one can.
        recipients: addresses; the fallback address if there are none.
        is_urgent: it goes out at once; else it waits for the end of quiet hours.
    """
    channels = staff_channels(ctx)
    if ctx.shadow:
        log.warning("notice_suppressed mode=shadow finding=%s notice=%s", finding, problem)
        return set()
    if not channels:
        return set()
    now = ctx.clock()
    due_at = now if is_urgent else next_allowed_time(now, ctx.settings.limits, ctx.settings.core.zone)
    options = {"problem": problem, "finding": finding}
    new_notices = [
        NewDelivery(
            connection=next((name for name in channels if name not in stopped), channels[0]),
            action=FALLBACK_ACTION,
            subject=subject if email is None else f"{subject}:{mailbox_hash(email)}",
            route="notice",
            due_at=due_at,
            options=options if email is None else {**options, RECIPIENT_OPTION: email},
        )
        for email in recipients or (None,)
    ]
    return enqueue_deliveries(session, new_notices, now, skip_existing=True).queue_names
