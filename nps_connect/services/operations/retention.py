"""Retain: what is old is forgotten in small steps, while everything runs; figures survive."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlmodel import Session, col

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
from nps_connect.ledger.upserts import increment_counter
from nps_connect.services.context import Context
from nps_connect.services.suppressions.erasure import redact_events

ROWS_PER_STEP = 500
"""Rows of one transaction: short enough that nobody waits for it."""

STEP_INTERVAL = timedelta(seconds=1)
IDLE_INTERVAL = timedelta(hours=1)
USER_AGENT_LENGTH = 24
NETWORK_PREFIX_BITS = {4: 24, 6: 48}
"""Bits of an address that stay: enough to tell a company's network from another, not one person's line."""

RetentionProgress = dict[str, Any]


def apply_retention(ctx: Context, memo: RetentionProgress) -> timedelta:
    """One small step of each kind; returns how long to wait for the next.

    Args:
        ctx: the joined parts.
        memo: how far the steps have come; changed in place.
    """
    now, kept = ctx.clock(), ctx.settings.retention
    steps: tuple[tuple[Callable[[Session, RetentionProgress, datetime], bool], timedelta], ...] = (
        (_strip_bodies, kept.raw_bodies),
        (_strip_visits, kept.visits),
        (_delete_attempts, kept.attempts),
        (_delete_decisions, kept.decisions),
        (_strip_old_events, kept.decisions),
        (_delete_comments, kept.comments),
    )
    more = False
    for step, age in steps:
        with ctx.ledger.write() as session:
            more |= step(session, memo, now - age)
    return STEP_INTERVAL if more else IDLE_INTERVAL


def truncate_address(address: str | None) -> str | None:
    """The network of an address: the first 24 bits of IPv4, the first 48 of IPv6; none for what is not an address."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return None
    return str(ipaddress.ip_network(f"{found}/{NETWORK_PREFIX_BITS[found.version]}", strict=False).network_address)


def _strip_bodies(session: Session, memo: RetentionProgress, before: datetime) -> bool:
    """Empty the bodies of webhooks that were worked off; the row stays, so that counts do."""
    query = select(col(RawRequest.id), col(RawRequest.received_at), col(RawRequest.state))
    found = session.execute(
        query.where(col(RawRequest.id) > memo.get("bodies", 0)).order_by(col(RawRequest.id)).limit(ROWS_PER_STEP)
    ).all()
    old: list[int] = []
    for row_id, received_at, state in found:
        if received_at >= before or state in ("pending", "running"):
            break
        old.append(row_id)
    if old:
        empty = {"body": b"", "headers": {}}
        session.execute(
            update(RawRequest).where(col(RawRequest.id).in_(old)).values(**empty).execution_options(**_NO_SYNC)
        )
        memo["bodies"] = old[-1]
    return len(old) == ROWS_PER_STEP


def _strip_visits(session: Session, memo: RetentionProgress, before: datetime) -> bool:
    query = (
        select(PageViewRow)
        .where(col(PageViewRow.id) > memo.get("visits", 0))
        .order_by(col(PageViewRow.id))
        .limit(ROWS_PER_STEP)
    )
    done = 0
    for row in session.execute(query).scalars():
        if row.at >= before:
            break
        row.address = truncate_address(row.address)
        row.agent = (row.agent or "").split("/")[0][:USER_AGENT_LENGTH] or None
        memo["visits"] = row.id
        done += 1
    return done == ROWS_PER_STEP


def _delete_attempts(session: Session, _memo: RetentionProgress, before: datetime) -> bool:
    oldest = session.execute(
        select(col(AttemptRow.id), col(AttemptRow.finished_at)).order_by(col(AttemptRow.id)).limit(ROWS_PER_STEP)
    )
    old = [row_id for row_id, finished_at in oldest if finished_at < before]
    if old:
        session.execute(delete(AttemptRow).where(col(AttemptRow.id).in_(old)).execution_options(**_NO_SYNC))
    return len(old) == ROWS_PER_STEP


def _delete_decisions(session: Session, _memo: RetentionProgress, before: datetime) -> bool:
    """Forget why; how many decisions there were, of which kind, on which day and from where, stays as a count."""
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
    kinds = Counter((f"decision_{verdict}_{reason}", where, at.date()) for _, at, verdict, reason, where in old)
    for (name, connection, day), number in kinds.items():
        increment_counter(session, name, connection, day, number)
    if old:
        ids = [row[0] for row in old]
        session.execute(delete(DecisionRow).where(col(DecisionRow.id).in_(ids)).execution_options(**_NO_SYNC))
    return len(old) == ROWS_PER_STEP


def _strip_old_events(session: Session, memo: RetentionProgress, before: datetime) -> bool:
    """Leave ids only in events whose decisions are forgotten; the row stays, so that a fact never counts twice."""
    query = select(col(EventRow.id), col(EventRow.received_at), col(EventRow.state), col(EventRow.record))
    found = session.execute(
        query.where(col(EventRow.id) > memo.get("events", 0)).order_by(col(EventRow.id)).limit(ROWS_PER_STEP)
    ).all()
    old = [row for row in found if row[1] < before]
    redact_events(session, [(row[0], row[3]) for row in old if row[2] in ("succeeded", "dead")])
    if old:
        memo["events"] = old[-1][0]
    return len(old) == ROWS_PER_STEP


def _delete_comments(session: Session, memo: RetentionProgress, before: datetime) -> bool:
    """Forget what was written; score, day and survey stay."""
    since = datetime.fromisoformat(memo.get("comments", "2000-01-01T00:00:00+00:00"))
    old = session.execute(
        select(col(ResponseRow.id), col(ResponseRow.answered_at))
        .where(col(ResponseRow.answered_at) > since, col(ResponseRow.answered_at) < before)
        .order_by(col(ResponseRow.answered_at))
        .limit(ROWS_PER_STEP)
    ).all()
    if not old:
        return False
    last = old[-1][1]
    span = (col(ResponseRow.answered_at) > since) & (col(ResponseRow.answered_at) <= last)
    ids = list(session.execute(select(col(ResponseRow.id)).where(span)).scalars())
    for statement in (
        update(ResponseRow).where(col(ResponseRow.id).in_(ids)).values(comment=None),
        update(RevisionRow).where(col(RevisionRow.response_id).in_(ids)).values(comment=None),
        update(DeliveryRow)
        .where(col(DeliveryRow.response_id).in_(ids), col(DeliveryRow.state).not_in(("pending", "running")))
        .values(payload=None),
    ):
        session.execute(statement.execution_options(**_NO_SYNC))
    memo["comments"] = last.isoformat()
    return len(old) == ROWS_PER_STEP


_NO_SYNC = {"synchronize_session": False}
