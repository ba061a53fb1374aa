"""Daily caps: surveys beyond the cap of a day are moved to later days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from itertools import repeat
from typing import NamedTuple

from sqlalchemy import Table, bindparam, select, update
from sqlmodel import Session

from nps_connect.ledger import claims
from nps_connect.ledger.columns import UtcDateTime
from nps_connect.ledger.cooldowns import count_sent_today
from nps_connect.ledger.tables import DeliveryRow, EventRow, InvitationRow
from nps_connect.records.actions import HoldCode
from nps_connect.records.events import Event
from nps_connect.rendering import notices
from nps_connect.rules.timing import local_date, same_time_on, start_of_next_day
from nps_connect.services.action_spec import EXPEDITED_OPTION, NotAttempted
from nps_connect.services.context import Context
from nps_connect.services.invitations.campaigns import campaign_trigger
from nps_connect.services.invitations.invite import build_due_counter
from nps_connect.services.notices.staff_notices import notify_once_per_day
from nps_connect.settings.model import Limits
from nps_connect.settings.quiet_hours import WEEKDAYS

DAILY_CAP_LOCK = "surveys_per_day"
"""Advisory lock of survey starts, so that two workers never start the last survey of a day both."""

STARTED_SURVEYS_KEY = "started_surveys"
"""Key in `Session.info`: surveys started in this transaction, by trigger and in total (None)."""

_DELIVERIES: Table = DeliveryRow.__table__
_INVITATIONS: Table = InvitationRow.__table__


class _DueSurvey(NamedTuple):
    """A survey that is due today and has not started."""

    delivery_id: int | None
    due_at: datetime
    invitation_id: int | None
    invitation_due_at: datetime
    expires_at: datetime


def check_daily_cap(ctx: Context, session: Session, row: DeliveryRow, invitation: InvitationRow) -> NotAttempted | None:
    """Count a survey towards the caps of today; return its deferral if one of them is reached.

    With it, every other survey under the same cap that is due today and has not started is moved to the next days with
    capacity, oldest first.
    """
    claims.advisory_lock(session, DAILY_CAP_LOCK)
    started: Counter[str | None] = session.info.setdefault(STARTED_SURVEYS_KEY, Counter())
    for trigger, cap in _applicable_caps(ctx, session, invitation):
        today = count_sent_today(session, ctx.clock(), ctx.settings.core.zone, trigger) + started[trigger]
        if today < cap or row.options.get(EXPEDITED_OPTION):
            continue
        if trigger is None:
            notice = notices.render_daily_cap_reached(ctx.settings.core.language, cap=cap)
            notify_once_per_day(ctx, session, DAILY_CAP_LOCK, notice, finding="daily-limit")
        until = _reschedule(ctx, session, row, invitation, trigger, cap)
        of_trigger = f" of trigger {trigger!r}" if trigger else ""
        detail = f"{today} surveys{of_trigger} sent today, the cap is {cap}; deferred to a day with capacity"
        return NotAttempted.deferred(HoldCode.DAILY_CAP, until, detail)
    started.update((None, invitation.trigger))
    return None


def _applicable_caps(ctx: Context, session: Session, invitation: InvitationRow) -> list[tuple[str | None, int]]:
    """Return the caps of a survey: that of all surveys (None), and that of its trigger or campaign."""
    settings = ctx.settings
    trigger = settings.trigger_by_label.get(invitation.trigger)
    event = session.get(EventRow, invitation.event_id) if trigger is None and invitation.event_id else None
    if event is not None:
        trigger = campaign_trigger(settings, event.connection, Event.model_validate(event.record))
    caps: list[tuple[str | None, int]] = [(None, settings.limits.surveys_per_day)]
    if trigger is not None and trigger.per_day is not None:
        caps.append((invitation.trigger, trigger.per_day))
    return caps


def _reschedule(
    ctx: Context, session: Session, row: DeliveryRow, invitation: InvitationRow, trigger: str | None, cap: int
) -> datetime:
    """Move a survey, and all others under the cap that are due today, to later days; return when the first is due."""
    zone = ctx.settings.core.zone
    tomorrow = start_of_next_day(ctx.clock(), zone)
    first = _DueSurvey(row.id, row.due_at, invitation.id, invitation.due_at, invitation.expires_at)
    surveys = [first, *_load_due_today(session, tomorrow, trigger)]
    count = partial(build_due_counter(session, zone), trigger)
    days = _available_days(count, ctx.settings.limits, cap, local_date(tomorrow, zone))
    moved = [(survey, same_time_on(survey.due_at, next(days), zone)) for survey in surveys]
    _write_due_dates(session, moved[1:])
    due_at = moved[0][1]
    invitation.due_at, invitation.expires_at = due_at, _shifted_expiry(first, due_at)
    return due_at


def _load_due_today(session: Session, tomorrow: datetime, trigger: str | None) -> list[_DueSurvey]:
    """Return the surveys that are due today and have not started; those that an operator sends now stay."""
    query = (
        select(
            _DELIVERIES.c.options,
            _DELIVERIES.c.id,
            _DELIVERIES.c.due_at,
            _INVITATIONS.c.id,
            _INVITATIONS.c.due_at,
            _INVITATIONS.c.expires_at,
        )
        .join(_INVITATIONS, _INVITATIONS.c.id == _DELIVERIES.c.invitation_id)
        .where(_DELIVERIES.c.action == "send_survey", _DELIVERIES.c.state == "pending", _DELIVERIES.c.due_at < tomorrow)
        .order_by(_DELIVERIES.c.due_at, _DELIVERIES.c.id)
        .with_for_update(skip_locked=True, of=_DELIVERIES)
    )
    if trigger is not None:
        query = query.where(_INVITATIONS.c.trigger == trigger)
    rows = session.connection().execute(query)
    return [_DueSurvey(*columns) for options, *columns in rows if not options.get(EXPEDITED_OPTION)]


def _shifted_expiry(survey: _DueSurvey, due_at: datetime) -> datetime:
    """The personal link stays valid for as long after the mail as before the move."""
    return survey.expires_at + max(due_at - survey.invitation_due_at, timedelta())


def _write_due_dates(session: Session, moved: Sequence[tuple[_DueSurvey, datetime]]) -> None:
    if not moved:
        return
    new_due, new_expiry = bindparam("new_due", type_=UtcDateTime()), bindparam("new_expiry", type_=UtcDateTime())
    connection = session.connection()
    connection.execute(
        update(_DELIVERIES).where(_DELIVERIES.c.id == bindparam("row_id")).values(due_at=new_due),
        [{"row_id": survey.delivery_id, "new_due": due_at} for survey, due_at in moved],
    )
    connection.execute(
        update(_INVITATIONS)
        .where(_INVITATIONS.c.id == bindparam("row_id"))
        .values(due_at=new_due, expires_at=new_expiry),
        [
            {"row_id": survey.invitation_id, "new_due": due_at, "new_expiry": _shifted_expiry(survey, due_at)}
            for survey, due_at in moved
        ],
    )


def _available_days(count: Callable[[date], int], limits: Limits, cap: int, day: date) -> Iterator[date]:
    """Yield the days from a given one on, each once for every survey that it has capacity for; quiet days have none."""
    while True:
        is_quiet = WEEKDAYS[day.weekday()] in limits.quiet_days
        yield from repeat(day, 0 if is_quiet else cap - count(day))
        day += timedelta(days=1)
