"""Counts of what was sent today, is held, or was corrected."""

from __future__ import annotations

from datetime import datetime, time, timedelta, tzinfo

from sqlalchemy import and_, func, or_, select
from sqlmodel import Session, col

from nps_connect.ledger.counters import CORRECTED_COUNTER, CounterRow
from nps_connect.ledger.tables import DecisionRow, DeliveryRow, InvitationRow
from nps_connect.rules.timing import local_date, start_of_next_day, utc_at

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
        col(InvitationRow.state) == "sent",
        col(InvitationRow.sent_at) >= midnight,
        col(InvitationRow.sent_at) < start_of_next_day(now, zone),
    )
    is_running = and_(col(DeliveryRow.state) == "running", col(DeliveryRow.started_at).is_not(None))
    is_in_doubt = and_(
        col(DeliveryRow.state) == "held", col(DeliveryRow.in_doubt), col(DeliveryRow.first_started_at) >= midnight
    )
    unfinished = (
        select(func.count())
        .select_from(DeliveryRow)
        .join(InvitationRow, col(InvitationRow.id) == col(DeliveryRow.invitation_id))
        .where(
            col(DeliveryRow.action) == "send_survey",
            col(DeliveryRow.state).in_(("running", "held")),
            or_(is_running, is_in_doubt),
        )
    )
    if trigger is not None:
        sent, unfinished = (query.where(col(InvitationRow.trigger) == trigger) for query in (sent, unfinished))
    return int(session.execute(sent).scalar_one()) + int(session.execute(unfinished).scalar_one())


def count_held(session: Session) -> dict[str, int]:
    """Number of held decisions by trigger label."""
    query = select(col(DecisionRow.trigger), func.count()).where(col(DecisionRow.verdict) == "held")
    return {label: int(count) for label, count in session.execute(query.group_by(col(DecisionRow.trigger))).all()}


def count_corrected(session: Session, now: datetime) -> int:
    """Return how many moments were corrected within `REPORTED_PERIOD`."""
    query = select(func.sum(col(CounterRow.count))).where(
        col(CounterRow.name) == CORRECTED_COUNTER, col(CounterRow.day) >= (now - REPORTED_PERIOD).date()
    )
    return int(session.execute(query).scalar() or 0)
