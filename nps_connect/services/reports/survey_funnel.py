"""How many surveys of a period were sent, arrived, were opened and answered; the response rate; the time to answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, func, literal_column, or_, select
from sqlmodel import Session, col

from nps_connect.ledger.suppressions import BounceRow
from nps_connect.ledger.tables import DeliveryRow, InvitationRow, PageViewRow, ResponseRow, RevisionRow
from nps_connect.services.contacts.store import confirmed_clause

MAX_SPEED_SAMPLE = 2000
"""The newest responses from which the time to answer is computed."""

MIN_COHORT = 30
"""Surveys of which a response rate is computed at least."""

MAX_COHORT = 20_000
"""The newest surveys that are counted, so that a page of a large company does not wait."""

COMPLETE_SHARE = 0.95
"""A cohort is complete when so many of its responses can be expected to have arrived."""

_PROPERTIES = ("survey", "touchpoint", "language")
_INVITED = "state IN ('planned', 'sent', 'cancelled')"


@dataclass(frozen=True)
class SurveyCohort:
    """Which surveys are counted: those decided on from `start` until before `end` (UTC).

    Attributes:
        start, end: of the decision.
        survey, touchpoint, language: None does not restrict.
    """

    start: datetime
    end: datetime
    survey: str | None = None
    touchpoint: str | None = None
    language: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions on `InvitationRow`: surveys that a trigger decided to send."""
        columns = InvitationRow.__table__.c
        return [
            literal_column(f"survey_invitations.{_INVITED}"),
            col(InvitationRow.created_at) >= self.start,
            col(InvitationRow.created_at) < self.end,
            *(columns[name] == value for name in _PROPERTIES if (value := getattr(self, name)) is not None),
        ]


@dataclass(frozen=True)
class SurveyFunnel:
    """Numbers of surveys of one cohort; each step counts only those of the step before.

    Attributes:
        decided: a trigger said yes.
        sent: the mail was sent.
        arrived: it did not come back.
        opened: a person opened the page.
        answered: a score was given, confirmed or not.
        confirmed: a person confirmed the score.
    """

    decided: int = 0
    sent: int = 0
    arrived: int = 0
    opened: int = 0
    answered: int = 0
    confirmed: int = 0


@dataclass(frozen=True)
class ResponseSpeed:
    """How long people take to answer, from the mail until their first confirmed score.

    Attributes:
        responses: how many were looked at.
        median: half of them were faster.
        complete_after: `COMPLETE_SHARE` of them had arrived.
    """

    responses: int
    median: timedelta
    complete_after: timedelta


@dataclass(frozen=True)
class ResponseRate:
    """The share of arrived surveys that were answered and confirmed, of a cohort that is old enough.

    Attributes:
        share: from 0 to 1; None with fewer than `MIN_COHORT` surveys.
        arrived: surveys of the cohort.
        cohort_end: surveys decided on later are too young.
    """

    share: float | None
    arrived: int
    cohort_end: datetime


@dataclass(frozen=True)
class CountedCohort:
    """The funnel of a cohort, and the response rate of its surveys that are old enough."""

    funnel: SurveyFunnel
    rate: ResponseRate


def limit_cohort(session: Session, cohort: SurveyCohort) -> SurveyCohort:
    """Return a cohort that begins late enough to have about `MAX_COHORT` surveys at most."""
    created_at = col(InvitationRow.created_at)
    query = select(created_at).where(*cohort.conditions()).order_by(created_at.desc()).offset(MAX_COHORT).limit(1)
    start = session.execute(query).scalar()
    return cohort if start is None else replace(cohort, start=start)


def load_funnel(session: Session, cohort: SurveyCohort, complete_at: datetime | None = None) -> CountedCohort:
    """Count the surveys of a cohort at each step, and those that are old enough for a response rate, in one query.

    A confirmed response proves that the survey arrived and was opened, whatever came back or was blocked.

    Args:
        session: to read with.
        cohort: which surveys.
        complete_at: surveys decided on before are old enough; None if that is not known.
    """
    bounced = (
        select(col(DeliveryRow.invitation_id).label("invitation_id"))
        .join(BounceRow, col(BounceRow.delivery_id) == col(DeliveryRow.id))
        .where(col(BounceRow.kind) != "complaint", col(BounceRow.at) >= cohort.start)
        .where(col(DeliveryRow.invitation_id).is_not(None))
        .distinct()
        .subquery()
    )
    viewed = (
        select(col(PageViewRow.invitation_id).label("invitation_id"))
        .where(col(PageViewRow.at) >= cohort.start, col(PageViewRow.bot_signals).is_(None))
        .where(col(PageViewRow.purpose) == "survey", col(PageViewRow.invitation_id).is_not(None))
        .distinct()
        .subquery()
    )
    confirmed = and_(col(ResponseRow.id).is_not(None), confirmed_clause())
    by_person = col(ResponseRow.provisional_at).is_not(None) & col(ResponseRow.provisional_bot_signals).is_(None)
    answered = or_(confirmed, col(ResponseRow.revision) > 0, by_person)
    sent = or_(col(InvitationRow.sent_at).is_not(None), answered)
    arrived = and_(sent, or_(bounced.c.invitation_id.is_(None), answered))
    opened = and_(arrived, or_(viewed.c.invitation_id.is_not(None), answered))
    steps = (sent, arrived, opened, and_(opened, answered), and_(opened, confirmed))
    rate_end = cohort.start if complete_at is None else max(cohort.start, min(cohort.end, complete_at))
    is_complete = col(InvitationRow.created_at) < rate_end
    complete_steps = (and_(is_complete, arrived), and_(is_complete, opened, confirmed))
    query = (
        select(func.count(), *(func.count(case((step, 1))) for step in (*steps, *complete_steps)))
        .select_from(InvitationRow)
        .outerjoin(ResponseRow, col(ResponseRow.invitation_id) == col(InvitationRow.id))
        .outerjoin(bounced, bounced.c.invitation_id == col(InvitationRow.id))
        .outerjoin(viewed, viewed.c.invitation_id == col(InvitationRow.id))
        .where(*cohort.conditions())
    )
    *counts, complete_arrived, complete_confirmed = session.execute(query).one()
    share = complete_confirmed / complete_arrived if complete_arrived >= MIN_COHORT else None
    return CountedCohort(SurveyFunnel(*counts), ResponseRate(share, complete_arrived, rate_end))


def load_response_speed(session: Session, conditions: Sequence[ColumnElement[bool]]) -> ResponseSpeed | None:
    """Return how long the newest of these responses took; None if no survey of ours was answered.

    Args:
        session: to read with.
        conditions: on `ResponseRow`.
    """
    query = (
        select(col(InvitationRow.sent_at), col(RevisionRow.at))
        .select_from(ResponseRow)
        .join(InvitationRow, col(InvitationRow.id) == col(ResponseRow.invitation_id))
        .join(RevisionRow, (col(RevisionRow.response_id) == col(ResponseRow.id)) & (col(RevisionRow.revision) == 1))
        .where(*conditions, col(InvitationRow.sent_at).is_not(None))
        .where(col(ResponseRow.collected_by).in_(("web", "email")))
        .order_by(col(ResponseRow.answered_at).desc())
        .limit(MAX_SPEED_SAMPLE)
    )
    delays = sorted(
        answered_at - sent_at
        for sent_at, answered_at in session.execute(query)
        if sent_at is not None and answered_at >= sent_at
    )
    if not delays:
        return None
    return ResponseSpeed(len(delays), _quantile(delays, 0.5), _quantile(delays, COMPLETE_SHARE))


def _quantile(delays: Sequence[timedelta], share: float) -> timedelta:
    """Return the smallest delay that at least this share of all does not exceed."""
    return delays[max(0, -int(-share * len(delays) // 1) - 1)]
