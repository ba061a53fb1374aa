"""Rationing: no more surveys go out on a day than the caps allow; what is due beyond that waits for a later day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from functools import partial
from typing import Any

from sqlalchemy import Table, and_, bindparam, func, or_, select, update
from sqlmodel import Session, col

from nps_connect.ledger.columns import UtcDateTime
from nps_connect.ledger.tables import DeliveryRow, EventRow, InvitationRow
from nps_connect.records.deliveries import HoldCode
from nps_connect.records.events import Event
from nps_connect.rendering import notices
from nps_connect.rules.limit_state import DueCounter
from nps_connect.rules.timing import local_date, same_time_on, start_of_next_day, utc_at
from nps_connect.services.context import Context
from nps_connect.services.deliveries.delivery_order import advisory_lock
from nps_connect.services.deliveries.preflight import NotAttempted
from nps_connect.services.invitations.campaigns import campaign_trigger
from nps_connect.services.notices.staff_notices import notify_once_per_day
from nps_connect.settings.model import Limits
from nps_connect.settings.quiet_hours import WEEKDAYS

SURVEY_ACTION = "send_survey"
DAILY_CAP_LOCK = "surveys_per_day"
"""What starts of surveys line up for, so that two workers never take the same last place of a day."""

STARTED_SURVEYS_KEY = "surveys begun"
"""Key of a transaction's notes: the surveys that begin in it, by trigger and over all (none)."""

COUNTED_STATES = ("planned", "sent", "shadow")
"""States of invitations that count towards the cap of their day."""

_DELIVERIES: Table = DeliveryRow.__table__  # type: ignore[attr-defined]
_INVITATIONS: Table = InvitationRow.__table__  # type: ignore[attr-defined]
_DUE = bindparam("due", type_=UtcDateTime())


def check_daily_cap(ctx: Context, session: Session, row: DeliveryRow, invitation: InvitationRow) -> NotAttempted | None:
    """The waiting of a survey mail for a later day, if today is full; if it is not, its place of today is taken.

    With it, everything that is due today and has not begun moves on to the days that have room, oldest first.
    """
    advisory_lock(session, DAILY_CAP_LOCK)
    begun: Counter[str | None] = session.info.setdefault(STARTED_SURVEYS_KEY, Counter())
    for trigger, cap in _applicable_caps(ctx, session, invitation):
        today = count_sent_today(session, ctx.clock(), ctx.settings.core.zone, trigger) + begun[trigger]
        if today < cap:
            continue
        if trigger is None:
            notify_once_per_day(
                ctx, session, DAILY_CAP_LOCK, notices.render_daily_cap_reached(ctx.settings.core.language, cap=cap)
            )
        until = _reschedule(ctx, session, row, invitation, trigger, cap)
        whose = f" of trigger {trigger!r}" if trigger else ""
        detail = f"{today} surveys{whose} went out today, the cap is {cap}; waits for a free day"
        return NotAttempted.deferred(HoldCode.DAILY_CAP, until, detail)
    begun.update((None, invitation.trigger))
    return None


def count_sent_today(session: Session, now: datetime, zone: tzinfo, trigger: str | None = None) -> int:
    """How many surveys went out today, are going out now, or may have gone out today: of one trigger or of all."""
    midnight = utc_at(local_date(now, zone), time(), zone)
    sent = select(func.count()).where(
        col(InvitationRow.state) == "sent",
        col(InvitationRow.sent_at) >= midnight,
        col(InvitationRow.sent_at) < start_of_next_day(now, zone),
    )
    going = (
        select(func.count())
        .select_from(DeliveryRow)
        .join(InvitationRow, col(InvitationRow.id) == col(DeliveryRow.invitation_id))
        .where(
            col(DeliveryRow.action) == SURVEY_ACTION,
            col(DeliveryRow.state).in_(("running", "held")),
            or_(
                and_(col(DeliveryRow.state) == "running", col(DeliveryRow.started_at).is_not(None)),
                and_(
                    col(DeliveryRow.state) == "held",
                    col(DeliveryRow.in_doubt),
                    col(DeliveryRow.first_started_at) >= midnight,
                ),
            ),
        )
    )
    if trigger is not None:
        sent, going = (query.where(col(InvitationRow.trigger) == trigger) for query in (sent, going))
    return int(session.execute(sent).scalar_one()) + int(session.execute(going).scalar_one())


def build_due_counter(session: Session, zone: tzinfo, *, created_before: datetime | None = None) -> DueCounter:
    """Return a function that counts the surveys due (or sent) on a calendar day of the company.

    Args:
        session: for reading.
        zone: the company's.
        created_before: count only invitations created before this moment; None means no filter.
    """

    def count(trigger: str | None, day: date) -> int:
        midnight = datetime.min.time()
        query = (
            select(func.count())
            .select_from(InvitationRow)
            .where(
                col(InvitationRow.due_at) >= utc_at(day, midnight, zone),
                col(InvitationRow.due_at) < utc_at(day + timedelta(days=1), midnight, zone),
                col(InvitationRow.state).in_(COUNTED_STATES),
            )
        )
        if trigger is not None:
            query = query.where(col(InvitationRow.trigger) == trigger)
        if created_before is not None:
            query = query.where(col(InvitationRow.created_at) < created_before)
        return int(session.execute(query).scalar_one())

    return count


def _applicable_caps(ctx: Context, session: Session, invitation: InvitationRow) -> Sequence[tuple[str | None, int]]:
    """The caps that a survey falls under: that of all surveys (none), and that of its trigger or campaign."""
    settings = ctx.settings
    own = next((one for one in settings.triggers if one.label == invitation.trigger), None)
    event = session.get(EventRow, invitation.event_id) if own is None and invitation.event_id else None
    if event is not None:
        own = campaign_trigger(settings, event.connection, Event.model_validate(event.record))
    caps: list[tuple[str | None, int]] = [(None, settings.limits.surveys_per_day)]
    return [*caps, (invitation.trigger, own.per_day)] if own is not None and own.per_day is not None else caps


def _reschedule(
    ctx: Context, session: Session, row: DeliveryRow, invitation: InvitationRow, trigger: str | None, cap: int
) -> datetime:
    """Give the row, and all of the same cap that has not begun and is due today, a later day; when the row is due."""
    now, zone = ctx.clock(), ctx.settings.core.zone
    tomorrow = start_of_next_day(now, zone)
    waiting = (
        select(
            _DELIVERIES.c.id, _DELIVERIES.c.due_at, _INVITATIONS.c.id, _INVITATIONS.c.due_at, _INVITATIONS.c.expires_at
        )
        .join(_INVITATIONS, _INVITATIONS.c.id == _DELIVERIES.c.invitation_id)
        .where(_DELIVERIES.c.action == SURVEY_ACTION, _DELIVERIES.c.state == "pending", _DELIVERIES.c.due_at < tomorrow)
        .order_by(_DELIVERIES.c.due_at, _DELIVERIES.c.id)
        .with_for_update(skip_locked=True, of=_DELIVERIES)
    )
    if trigger is not None:
        waiting = waiting.where(_INVITATIONS.c.trigger == trigger)
    first = (row.id, row.due_at, invitation.id, invitation.due_at, invitation.expires_at)
    found = [first, *(tuple(one) for one in session.connection().execute(waiting).all())]
    count = partial(build_due_counter(session, zone), trigger)
    days = _FreeDays(count, ctx.settings.limits, cap, local_date(tomorrow, zone))
    dues = [same_time_on(due_at, days.next(), zone) for _, due_at, *_ in found]
    moved = list(zip(found, dues, strict=True))
    _write_due_dates(session, moved[1:])
    invitation.due_at, invitation.expires_at = (
        dues[0],
        invitation.expires_at + max(dues[0] - invitation.due_at, timedelta()),
    )
    return dues[0]


def _write_due_dates(session: Session, moved: Sequence[tuple[tuple[Any, ...], datetime]]) -> None:
    """Write the new days down; the personal link lives as long from the mail on as it would have."""
    if not moved:
        return
    rows = [{"of": one[0], "due": due} for one, due in moved]
    session.connection().execute(
        update(_DELIVERIES).where(_DELIVERIES.c.id == bindparam("of")).values(due_at=_DUE), rows
    )
    late = [{"of": one[2], "due": due, "until": one[4] + max(due - one[3], timedelta())} for one, due in moved]
    session.connection().execute(
        update(_INVITATIONS)
        .where(_INVITATIONS.c.id == bindparam("of"))
        .values(due_at=_DUE, expires_at=bindparam("until", type_=UtcDateTime())),
        late,
    )


class _FreeDays:
    """The days to come with their free places; quiet days have none."""

    def __init__(self, count: Callable[[date], int], limits: Limits, cap: int, day: date) -> None:
        self._count, self._limits, self._cap, self._day = count, limits, cap, day
        self._free = self._room()

    def next(self) -> date:
        """Take a place on the first day that has one."""
        while self._free <= 0:
            self._day += timedelta(days=1)
            self._free = self._room()
        self._free -= 1
        return self._day

    def _room(self) -> int:
        quiet = WEEKDAYS[self._day.weekday()] in self._limits.quiet_days
        return 0 if quiet else self._cap - self._count(self._day)
