"""Decide events again after a fix: a "no" for a reason that the configuration determines, never a "yes"."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.tables import DecisionRow, EventRow
from nps_connect.rules.evaluate import REDECIDE
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
"""Reasons that a changed configuration can remove; decisions of the person or of an operator are not among them."""

IDLE_STATES = ("succeeded", "dead", "pending")
"""States of events that no worker is deciding."""


@dataclass(frozen=True)
class RedecideCounts:
    """Number of decisions that are made again.

    Attributes:
        events: number of events.
        decisions: number of decisions on them.
        people: number of known contacts that they are about.
        without_contact: number of the events without a known contact.
    """

    events: int = 0
    decisions: int = 0
    people: int = 0
    without_contact: int = 0


def find_redecidable(session: Session, event_ids: Sequence[int], triggers: Collection[str]) -> list[DecisionRow]:
    """Decisions on these events that would be made again, of triggers that are still configured."""
    query = select(DecisionRow).where(
        in_list(col(DecisionRow.event_id), "ids"),
        col(DecisionRow.verdict) == "no",
        col(DecisionRow.reason).in_(REDECIDABLE_REASONS),
        col(DecisionRow.trigger).in_(triggers),
    )
    return list(session.execute(query.order_by(col(DecisionRow.id)), {"ids": list(event_ids)}).scalars())


def count_redecidable(rows: Sequence[DecisionRow]) -> RedecideCounts:
    """Count events, decisions and contacts."""
    with_contact = {row.event_id for row in rows if row.contact_id is not None}
    events = {row.event_id for row in rows}
    people = {row.contact_id for row in rows if row.contact_id is not None}
    return RedecideCounts(len(events), len(rows), len(people), len(events - with_contact))


def redecide(
    session: Session, event_ids: Sequence[int], triggers: Collection[str], *, reason: str, now: datetime
) -> list[DecisionRow]:
    """Queue events whose "no" is decided again; the previous decision is kept. The caller wakes the queues.

    Args:
        session: the transaction.
        event_ids: ids of the selected events.
        triggers: labels of the configured triggers.
        reason: reason that the operator states.
        now: the present moment, up to which the age of the events is counted.

    Returns:
        The decisions that are made again.
    """
    candidate_ids = sorted({row.event_id for row in find_redecidable(session, event_ids, triggers)})
    replayed_ids = replay(session, EventRow, candidate_ids, now, states=IDLE_STATES)
    rows = find_redecidable(session, replayed_ids, triggers)
    for row in rows:
        previous = {"at": row.decided_at.isoformat(), "reason": row.reason, "detail": row.detail, "again": reason}
        row.previous_decisions = [*(row.previous_decisions or []), previous]
        row.verdict = REDECIDE
    return rows
