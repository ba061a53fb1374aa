"""Release or reject the events of a trigger that is held because it would reach unusually many people."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CursorResult, select, update
from sqlmodel import Session, col

from nps_connect.ledger.tables import DecisionRow, EventRow
from nps_connect.rules.evaluate import RELEASED

REJECTED_DETAIL = "an operator refused it: the trigger was about to reach unusually many people"


def release_held(session: Session, trigger: str, now: datetime) -> int:
    """Let the held events of a trigger be decided again; return their number. The caller wakes their queues."""
    released = _update_held(session, trigger, verdict=RELEASED)
    event_ids = select(col(DecisionRow.event_id)).where(
        col(DecisionRow.trigger) == trigger, col(DecisionRow.verdict) == RELEASED
    )
    session.execute(
        update(EventRow)
        .where(col(EventRow.id).in_(event_ids), col(EventRow.state) == "succeeded")
        .values(state="pending", due_at=now)
        .execution_options(synchronize_session=False)
    )
    return released


def reject_held(session: Session, trigger: str) -> int:
    """Refuse the held events of a trigger for good; return their number."""
    return _update_held(session, trigger, verdict="no", reason="refused", detail=REJECTED_DETAIL)


def _update_held(session: Session, trigger: str, **values: str) -> int:
    result = session.execute(
        update(DecisionRow)
        .where(col(DecisionRow.trigger) == trigger, col(DecisionRow.verdict) == "held")
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return result.rowcount if isinstance(result, CursorResult) else 0
