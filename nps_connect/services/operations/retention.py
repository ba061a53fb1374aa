"""Retention: delete or strip old rows in small steps while everything runs; counts are kept."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlmodel import Session, col

from nps_connect.ledger.counters import increment_counter
from nps_connect.ledger.suppressions import BounceRow
from nps_connect.ledger.tables import (
    AttemptRow,
    DecisionRow,
    DeliveryRow,
    EventRow,
    PageViewRow,
    RawRequest,
    ResponseRow,
    RevisionRow,
)
from nps_connect.services.context import Context
from nps_connect.services.suppressions.erasure import redact_events

ROWS_PER_STEP = 500
"""Rows of one transaction: short enough that no other writer waits."""

STEP_INTERVAL = timedelta(seconds=1)
IDLE_INTERVAL = timedelta(hours=1)
USER_AGENT_LENGTH = 24
NETWORK_PREFIX_BITS = {4: 24, 6: 48}
"""Bits of an IP address that are kept: they identify a company's network, not one person's line."""

RetentionProgress = dict[str, Any]

_NO_SYNC = {"synchronize_session": False}


def apply_retention(ctx: Context, progress: RetentionProgress) -> timedelta:
    """Do one small step for each retention period; return how long to wait before the next.

    Args:
        ctx: the application context.
        progress: how far each step has come; changed in place.
    """
    now, periods = ctx.clock(), ctx.settings.retention
    steps: tuple[tuple[Callable[[Session, RetentionProgress, datetime], bool], timedelta], ...] = (
        (_strip_bodies, periods.raw_bodies),
        (_delete_foreign_bounces, periods.raw_bodies),
        (_strip_visits, periods.visits),
        (_delete_attempts, periods.attempts),
        (_delete_decisions, periods.decisions),
        (_strip_old_events, periods.decisions),
        (_delete_comments, periods.comments),
    )
    has_more = False
    for step, period in steps:
        with ctx.ledger.write() as session:
            has_more |= step(session, progress, now - period)
    return STEP_INTERVAL if has_more else IDLE_INTERVAL


def truncate_address(address: str | None) -> str | None:
    """Return the network of an IP address: 24 bits of IPv4, 48 of IPv6; None for anything else."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return None
    prefix = NETWORK_PREFIX_BITS[parsed.version]
    return str(ipaddress.ip_network(f"{parsed}/{prefix}", strict=False).network_address)


def _strip_bodies(session: Session, progress: RetentionProgress, before: datetime) -> bool:
    """Empty the bodies of parsed webhooks; the rows stay for their counts."""
    columns = col(RawRequest.id), col(RawRequest.received_at), col(RawRequest.state)
    query = select(*columns).where(col(RawRequest.id) > progress.get("bodies", 0)).order_by(col(RawRequest.id))
    old: list[int] = []
    for row_id, received_at, state in session.execute(query.limit(ROWS_PER_STEP)).all():
        if received_at >= before or state in ("pending", "running"):
            break
        old.append(row_id)
    if old:
        is_old = col(RawRequest.id).in_(old)
        session.execute(update(RawRequest).where(is_old).values(body=b"", headers={}), execution_options=_NO_SYNC)
        progress["bodies"] = old[-1]
    return len(old) == ROWS_PER_STEP


def _strip_visits(session: Session, progress: RetentionProgress, before: datetime) -> bool:
    """Reduce the IP address to its network and the user agent to its product name."""
    query = select(PageViewRow).where(col(PageViewRow.id) > progress.get("visits", 0)).order_by(col(PageViewRow.id))
    stripped = 0
    for row in session.execute(query.limit(ROWS_PER_STEP)).scalars():
        if row.at >= before:
            break
        row.address = truncate_address(row.address)
        row.agent = (row.agent or "").split("/")[0][:USER_AGENT_LENGTH] or None
        progress["visits"] = row.id
        stripped += 1
    return stripped == ROWS_PER_STEP


def _delete_attempts(session: Session, _progress: RetentionProgress, before: datetime) -> bool:
    oldest = select(col(AttemptRow.id), col(AttemptRow.finished_at)).order_by(col(AttemptRow.id)).limit(ROWS_PER_STEP)
    old = [row_id for row_id, finished_at in session.execute(oldest) if finished_at < before]
    if old:
        session.execute(delete(AttemptRow).where(col(AttemptRow.id).in_(old)), execution_options=_NO_SYNC)
    return len(old) == ROWS_PER_STEP


def _delete_foreign_bounces(session: Session, _progress: RetentionProgress, before: datetime) -> bool:
    """Delete bounces of none of our mails, which had no effect: anybody can send any number of them."""
    is_foreign = col(BounceRow.delivery_id).is_(None) & (col(BounceRow.at) < before)
    old = session.execute(select(col(BounceRow.id)).where(is_foreign).limit(ROWS_PER_STEP)).scalars().all()
    if old:
        session.execute(delete(BounceRow).where(col(BounceRow.id).in_(old)), execution_options=_NO_SYNC)
    return len(old) == ROWS_PER_STEP


def _delete_decisions(session: Session, _progress: RetentionProgress, before: datetime) -> bool:
    """Delete decisions; their number by outcome, reason, connection and day stays as a counter."""
    old = session.execute(
        select(
            col(DecisionRow.id),
            col(DecisionRow.decided_at),
            col(DecisionRow.verdict),
            col(DecisionRow.reason),
            col(EventRow.connection),
        )
        .join(EventRow, col(EventRow.id) == col(DecisionRow.event_id))
        .where(col(DecisionRow.decided_at) < before)
        .order_by(col(DecisionRow.decided_at))
        .limit(ROWS_PER_STEP)
    ).all()
    counts = Counter(
        (f"decision_{verdict}_{reason}", connection, decided_at.date())
        for _, decided_at, verdict, reason, connection in old
    )
    for (name, connection, day), count in counts.items():
        increment_counter(session, name, connection, day, count)
    if old:
        is_old = col(DecisionRow.id).in_([row.id for row in old])
        session.execute(delete(DecisionRow).where(is_old), execution_options=_NO_SYNC)
    return len(old) == ROWS_PER_STEP


def _strip_old_events(session: Session, progress: RetentionProgress, before: datetime) -> bool:
    """Keep only ids of events whose decisions are deleted; the rows stay, so that a repeated fact is still ignored."""
    columns = col(EventRow.id), col(EventRow.received_at), col(EventRow.state), col(EventRow.record)
    query = select(*columns).where(col(EventRow.id) > progress.get("events", 0)).order_by(col(EventRow.id))
    old = [row for row in session.execute(query.limit(ROWS_PER_STEP)) if row.received_at < before]
    redact_events(session, [(row.id, row.record) for row in old if row.state in ("succeeded", "dead")])
    if old:
        progress["events"] = old[-1].id
    return len(old) == ROWS_PER_STEP


def _delete_comments(session: Session, progress: RetentionProgress, before: datetime) -> bool:
    """Delete comments and the payloads that repeat them; score, day and survey stay."""
    since = datetime.fromisoformat(progress.get("comments", "2000-01-01T00:00:00+00:00"))
    old = session.execute(
        select(col(ResponseRow.answered_at))
        .where(col(ResponseRow.answered_at) > since, col(ResponseRow.answered_at) < before)
        .order_by(col(ResponseRow.answered_at))
        .limit(ROWS_PER_STEP)
    ).all()
    if not old:
        return False
    last = old[-1].answered_at
    of_span = (col(ResponseRow.answered_at) > since) & (col(ResponseRow.answered_at) <= last)
    ids = list(session.execute(select(col(ResponseRow.id)).where(of_span)).scalars())
    is_finished = col(DeliveryRow.state).not_in(("pending", "running"))
    for statement in (
        update(ResponseRow).where(col(ResponseRow.id).in_(ids)).values(comment=None),
        update(RevisionRow).where(col(RevisionRow.response_id).in_(ids)).values(comment=None),
        update(DeliveryRow).where(col(DeliveryRow.response_id).in_(ids), is_finished).values(payload=None),
    ):
        session.execute(statement, execution_options=_NO_SYNC)
    progress["comments"] = last.isoformat()
    return len(old) == ROWS_PER_STEP
