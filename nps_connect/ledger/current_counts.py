"""Counts of what was sent today, is held, or was corrected."""

from __future__ import annotations

from datetime import datetime, time, timedelta, tzinfo

from sqlalchemy import Table, func, literal_column, select
from sqlmodel import Session

from nps_connect.ledger.bulk_sql import RUNNING, without_index
from nps_connect.ledger.counters import CORRECTED_COUNTER, CounterRow
from nps_connect.ledger.tables import IN_DOUBT, DecisionRow, DeliveryRow, InvitationRow
from nps_connect.rules.timing import local_date, start_of_next_day, utc_at

_COUNTERS: Table = CounterRow.__table__
_DECISIONS: Table = DecisionRow.__table__
_DELIVERIES: Table = DeliveryRow.__table__
_INVITATIONS: Table = InvitationRow.__table__

REPORTED_PERIOD = timedelta(days=7)
"""Period in which corrected moments are counted."""


def count_sent_today(session: Session, now: datetime, zone: tzinfo, trigger: str | None = None) -> int:
    """Count the surveys sent, being sent or in doubt today.

    Args:
        session: for reading.
        now: the present moment.
        zone: the company's.
        trigger: count only surveys of this trigger; None means no filter.
    """
    midnight = utc_at(local_date(now, zone), time(), zone)
    sent = select(func.count()).where(
        _INVITATIONS.c.state == "sent",
        _INVITATIONS.c.sent_at >= midnight,
        _INVITATIONS.c.sent_at < start_of_next_day(now, zone),
    )
    surveys = (
        select(func.count())
        .select_from(_DELIVERIES.join(_INVITATIONS, _INVITATIONS.c.id == _DELIVERIES.c.invitation_id))
        .where(_DELIVERIES.c.action == "send_survey")
    )
    is_running = (_DELIVERIES.c.state == RUNNING) & _DELIVERIES.c.started_at.is_not(None)
    is_held = without_index(_DELIVERIES.c.state) == "held"
    is_in_doubt = literal_column(IN_DOUBT) & is_held & (_DELIVERIES.c.first_started_at >= midnight)
    counts = [
        sent,
        surveys.where(is_running),
        surveys.where(is_in_doubt),
    ]
    if trigger is not None:
        counts = [count.where(_INVITATIONS.c.trigger == trigger) for count in counts]
    return sum(session.connection().execute(select(*(count.scalar_subquery() for count in counts))).one())


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
