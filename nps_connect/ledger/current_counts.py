"""Counts of what is held, or was corrected."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Table, func, select
from sqlmodel import Session

from nps_connect.ledger.counters import CORRECTED_COUNTER, CounterRow
from nps_connect.ledger.tables import DecisionRow, DeliveryRow, InvitationRow

_COUNTERS: Table = CounterRow.__table__
_DECISIONS: Table = DecisionRow.__table__
_DELIVERIES: Table = DeliveryRow.__table__
_INVITATIONS: Table = InvitationRow.__table__

REPORTED_PERIOD = timedelta(days=7)
"""Period in which corrected moments are counted."""


def count_held(session: Session) -> dict[str, int]:
    """Number of held decisions by trigger label."""
    query = select(_DECISIONS.c.trigger, func.count()).where(_DECISIONS.c.verdict == "held")
    return {
        label: int(count) for label, count in session.connection().execute(query.group_by(_DECISIONS.c.trigger)).all()
    }


def count_corrected(session: Session, now: datetime) -> int:
    """Return how many moments were corrected within `REPORTED_PERIOD`."""
    query = select(func.sum(_COUNTERS.c.count)).where(
        _COUNTERS.c.name == CORRECTED_COUNTER, _COUNTERS.c.day >= (now - REPORTED_PERIOD).date()
    )
    return int(session.connection().execute(query).scalar() or 0)
