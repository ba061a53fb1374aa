"""Enqueue the digests that are due: once per period, scope and recipient."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.digests import DigestRow
from nps_connect.ledger.tables import InvitationRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.rules.digest_period import DigestPeriod, newest_period
from nps_connect.rules.timing import next_allowed_time
from nps_connect.services.context import Context
from nps_connect.services.deliveries.factory import NewDelivery, enqueue_deliveries
from nps_connect.services.notices.staff_notices import staff_channels
from nps_connect.services.reports.counts import count_scores
from nps_connect.services.reports.digest_recipients import load_recipients
from nps_connect.services.reports.filters import ResponseFilter
from nps_connect.services.reports.staff_figures import find_staff_block

log = logging.getLogger(__name__)

DIGEST_INTERVAL = timedelta(minutes=10)
MAX_LATENESS = timedelta(days=3)
"""A digest that could not be enqueued for so long is skipped: the next one is nearer than its news are fresh."""

SkipReason = Literal["nothing_asked", "everyone_left", "too_late", "staff_figures", "shadow"]
SKIP_REASONS: dict[SkipReason, str] = {
    "nothing_asked": "nobody was asked and nobody answered",
    "everyone_left": "every recipient has left this digest",
    "too_late": "no worker was running when it was due",
    "staff_figures": "figures about a team of fewer than three members are switched off, or it has too few responses",
    "shadow": "mode is shadow: nothing is sent",
}
"""Why a digest was not sent, by the code in the ledger."""


class DigestPlan(NamedTuple):
    """What becomes of the digest of one scope.

    Attributes:
        scope: name of the team, or empty.
        skip_reason: why it is skipped; None if it is sent.
        recipients: addresses by the hash of their mailbox.
    """

    scope: str
    skip_reason: SkipReason | None
    recipients: dict[str, str]


def run_digests(ctx: Context, memo: dict[str, Any]) -> timedelta:
    """Enqueue the newest digests if they are due. Digests that were due before the first run are left out.

    Args:
        ctx: the application context.
        memo: of the job: since when there is a digest.

    Returns:
        The delay until the next run.
    """
    now = ctx.clock()
    since = datetime.fromisoformat(memo.setdefault("since", now.isoformat()))
    period = newest_period(ctx.settings.digest, now, ctx.settings.core.zone)
    if period.due_at >= since:
        enqueue_digests(ctx, period)
    return DIGEST_INTERVAL


def enqueue_digests(ctx: Context, period: DigestPeriod, *, only: str | None = None) -> list[DigestPlan]:
    """Enqueue the digests of a period, or record why one is skipped; what was decided before is left as it is.

    Args:
        ctx: the application context.
        period: the period.
        only: one scope; None means all.

    Returns:
        What was decided now.
    """
    channels, now = staff_channels(ctx), ctx.clock()
    if not channels:
        return []
    due_at = next_allowed_time(now, ctx.settings.limits, ctx.settings.core.zone)
    decided: list[DigestPlan] = []
    with ctx.ledger.write() as session:
        for plan in plan_digests(ctx, session, period, only=only):
            row = {
                "period": period.name,
                "scope": plan.scope,
                "state": "enqueued" if plan.skip_reason is None else "skipped",
                "reason": plan.skip_reason,
                "recipients": len(plan.recipients),
                "created_at": now,
            }
            if not insert_many(session, DigestRow, [row], skip_existing=("period", "scope"), returning=("scope",)):
                continue
            decided.append(plan)
            if plan.skip_reason is not None:
                log.info("digest_skipped period=%s scope=%s reason=%s", period.name, plan.scope, plan.skip_reason)
        deliveries = [
            _new_delivery(channels[0], plan.scope, hashed, period, due_at)
            for plan in decided
            if plan.skip_reason is None
            for hashed in plan.recipients
        ]
        queue_names = enqueue_deliveries(session, deliveries, now, skip_existing=True).queue_names
    for queue_name in queue_names:
        ctx.wake(queue_name)
    return decided


def plan_digests(
    ctx: Context, session: Session, period: DigestPeriod, *, only: str | None = None
) -> Sequence[DigestPlan]:
    """Return what becomes of the digests of a period that were not decided on before."""
    decided = set(session.execute(select(col(DigestRow.scope)).where(col(DigestRow.period) == period.name)).scalars())
    plans = []
    for scope, emails in ctx.settings.digest_recipients.items():
        if scope in decided or only not in (None, scope):
            continue
        recipients = load_recipients(session, emails, scope)
        plans.append(DigestPlan(scope, _skip_reason(ctx, session, period, scope, recipients), recipients))
    return plans


def _has_news(ctx: Context, session: Session, period: DigestPeriod, scope: str) -> bool:
    """Return whether anybody was asked in the period, or answered for the scope."""
    sent_at = col(InvitationRow.sent_at)
    sent = select(col(InvitationRow.id)).where(sent_at >= period.start, sent_at < period.end).limit(1)
    if session.execute(sent).first() is not None:
        return True
    answered = ResponseFilter(start=period.start, end=period.end, team=scope or None)
    return count_scores(session, ctx.settings.core.zone, answered).responses > 0


def _skip_reason(
    ctx: Context, session: Session, period: DigestPeriod, scope: str, recipients: dict[str, str]
) -> SkipReason | None:
    if not recipients:
        return "everyone_left"
    responses = ResponseFilter(team=scope or None)
    if find_staff_block(session, ctx.settings.core.zone, ctx.settings.teams, responses) is not None:
        return "staff_figures"
    if not _has_news(ctx, session, period, scope):
        return "nothing_asked"
    if ctx.clock() > period.due_at + MAX_LATENESS:
        return "too_late"
    return "shadow" if ctx.shadow else None


def _new_delivery(channel: str, scope: str, hashed: str, period: DigestPeriod, due_at: datetime) -> NewDelivery:
    return NewDelivery(
        connection=channel,
        action="send_digest",
        subject=f"{period.name}:{scope}:{hashed}",
        route="digest",
        due_at=due_at,
        options={"scope": scope, "period": period.name, "recipient": hashed},
    )
