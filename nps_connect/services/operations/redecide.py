"""Again: what was decided "no" for a reason that a mended configuration can change is decided anew. Never a yes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.tables import DecisionRow, EventRow
from nps_connect.rules.limit_state import REDECIDE
from nps_connect.services.intake.replay import replay

REDECIDABLE_REASONS = (
    "inactive",
    "too_old",
    "filter",
    "no_contact",
    "several_contacts",
    "no_address",
    "sample",
    "veto",
    "cooldown",
)
"""Reasons that an edit of the configuration can do away with; what a person or an operator wants is not among them."""

IDLE_STATES = ("succeeded", "dead", "pending")
"""States of events that nobody is deciding on at the moment."""


@dataclass(frozen=True)
class RedecideCounts:
    """What is decided again.

    Attributes:
        events: how many events.
        decisions: how many decisions on them.
        people: how many known people they are about.
        unknown: how many of the events have no known person.
    """

    events: int = 0
    decisions: int = 0
    people: int = 0
    unknown: int = 0


def find_redecidable(session: Session, event_ids: Sequence[int], triggers: Collection[str]) -> list[DecisionRow]:
    """The decisions on these events that would be made anew, of triggers that are still there."""
    query = select(DecisionRow).where(
        in_list(col(DecisionRow.event_id), "ids"),
        col(DecisionRow.verdict) == "no",
        col(DecisionRow.reason).in_(REDECIDABLE_REASONS),
        col(DecisionRow.trigger).in_(triggers),
    )
    return list(session.execute(query.order_by(col(DecisionRow.id)), {"ids": list(event_ids)}).scalars())


def count_redecidable(rows: Sequence[DecisionRow]) -> RedecideCounts:
    """How many events, decisions and people these are."""
    known = {row.event_id for row in rows if row.contact_id is not None}
    events = {row.event_id for row in rows}
    people = {row.contact_id for row in rows if row.contact_id is not None}
    return RedecideCounts(len(events), len(rows), len(people), len(events - known))


def redecide(
    session: Session, event_ids: Sequence[int], triggers: Collection[str], *, why: str, now: datetime
) -> list[DecisionRow]:
    """Let the "no" on these events be decided anew, with what was decided before kept beside; wake the queues after.

    Args:
        session: the transaction.
        event_ids: of the events that are meant.
        triggers: labels of the triggers that are configured.
        why: what the operator wrote down.
        now: the present moment: the events are as old as they are now.

    Returns:
        The decisions that wait to be made anew.
    """
    meant = sorted({row.event_id for row in find_redecidable(session, event_ids, triggers)})
    ours = replay(session, EventRow, meant, now, states=IDLE_STATES)
    rows = find_redecidable(session, ours, triggers)
    for row in rows:
        before = {"at": row.decided_at.isoformat(), "reason": row.reason, "detail": row.detail, "again": why}
        row.earlier = [*(row.earlier or []), before]
        row.verdict = REDECIDE
    return rows
