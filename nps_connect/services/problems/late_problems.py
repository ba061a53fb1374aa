"""Notices about problems whose deadline has passed: their owner hears of it once."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlmodel import col

from nps_connect.ledger.problems import ProblemRow
from nps_connect.records.base import is_mail_address
from nps_connect.rendering.notices import render_problem_late
from nps_connect.rules.timing import local_date
from nps_connect.services.context import Context
from nps_connect.services.notices.staff_notices import notify_once

MAX_DAYS_LATE = timedelta(days=30)
"""Older deadlines raise no notice, so that a first start after a long stop does not raise many."""


def notify_late_problems(ctx: Context) -> int:
    """Notify the owner of each open problem whose deadline has passed; return the number of such problems.

    An owner who is named without an address is notified at the fallback address. A problem is reported once per
    deadline, after quiet hours.
    """
    core = ctx.settings.core
    today = local_date(ctx.clock(), core.zone)
    is_late = (
        col(ProblemRow.deadline).between(today - MAX_DAYS_LATE, today - timedelta(days=1))
        & col(ProblemRow.fixed_on).is_(None)
        & col(ProblemRow.closed_at).is_(None)
    )
    query = select(ProblemRow).where(is_late).order_by(col(ProblemRow.id))
    with ctx.ledger.read() as session:
        problems = session.execute(query).scalars().all()
    if not problems:
        return 0
    queue_names: set[str] = set()
    with ctx.ledger.write() as session:
        for row in problems:
            queue_names |= notify_once(
                ctx,
                session,
                f"problem:{row.id}:{row.deadline}",
                render_problem_late(core.language, title=row.title, owner=row.owner, deadline=row.deadline),
                finding="problem-late",
                recipients=[row.owner] if is_mail_address(row.owner) else [],
                is_urgent=False,
            )
    for queue_name in queue_names:
        ctx.wake(queue_name)
    return len(problems)
