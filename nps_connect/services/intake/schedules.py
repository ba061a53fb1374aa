"""Recurring surveys: scan a population once a day, and make an event of each slot that is due."""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any, NamedTuple

from sqlmodel import Session

from nps_connect.errors import Rejected
from nps_connect.ledger import pauses
from nps_connect.ledger.columns import decide_queue
from nps_connect.records.events import Event
from nps_connect.rendering import notices
from nps_connect.rules.filters import Filter
from nps_connect.rules.schedule import (
    SCAN_INTERVAL,
    UPCOMING_DAYS,
    DueSlot,
    Schedule,
    begin_scan,
    due_slots,
    is_unusual_growth,
    slot_share,
)
from nps_connect.rules.schedule_decision import CLOSES_AT_FIELD, PERIOD_FIELD, SLOT_FIELD
from nps_connect.rules.timing import local_date, utc_at
from nps_connect.services.context import Context
from nps_connect.services.intake.population import Member, fetch_listing, load_last_surveys, load_page
from nps_connect.services.intake.schedule_state import (
    PopulationCount,
    Scan,
    ScheduleState,
    from_progress,
    load_state,
    lock_memo,
    moment_of,
    schedule_job,
    store_state,
    to_progress,
)
from nps_connect.services.intake.store_events import store_events
from nps_connect.services.notices.staff_notices import notify_once_per_day
from nps_connect.services.reviews.review_pages import location_fields
from nps_connect.settings.intervals import format_interval
from nps_connect.settings.model import ScheduleTrigger
from nps_connect.settings.triggers import SCHEDULE_EVENT_KIND

log = logging.getLogger(__name__)

RETRY_INTERVAL = timedelta(minutes=15)
"""Delay after a page that could not be read."""

MAX_SCAN_TIME = timedelta(days=2)
"""A scan that has not ended after this time begins anew."""


class _Planned(NamedTuple):
    """A slot of a member that is due now."""

    member: Member
    slot: DueSlot


def scan_schedule(ctx: Context, trigger: ScheduleTrigger, memo: dict[str, Any]) -> timedelta:
    """Read one page of a population and store the events of its due slots; return the time until the next page or scan.

    Events and cursor are stored in one transaction; a failure leaves the cursor unchanged. A schedule that is held
    counts its people and makes no events.
    """
    job, now = schedule_job(trigger.survey), ctx.clock()
    state = load_state(memo, trigger, shadow=ctx.shadow)
    scan = _continued_scan(state, now)
    compiled = ctx.filters.get(trigger.label)
    try:
        cursor = scan.cursor if scan is not None else None
        listing = fetch_listing(ctx, trigger.source, cursor, memo, RETRY_INTERVAL, _fields(ctx, trigger, compiled))
    except Rejected as error:
        log.warning("scan_restarted survey=%s error=%s", trigger.survey, type(error).__name__)
        with ctx.ledger.write() as session:
            store_state(session, job, lock_memo(session, job), state.model_copy(update={"scan": None}))
        return RETRY_INTERVAL
    if isinstance(listing, timedelta):
        return listing
    with ctx.ledger.write() as session:
        stored = lock_memo(session, job)
        current = load_state(stored, trigger, shadow=ctx.shadow)
        scan = _continued_scan(current, now)
        if (scan.cursor if scan is not None else None) != cursor:
            return timedelta(0)  # an operator has released the schedule meanwhile: its scan begins anew
        scan = scan or _begin(ctx, session, trigger, current, now)
        page = load_page(session, trigger.source, cursor, listing, compiled)
        scan, planned = _plan_page(ctx, session, trigger, current, scan, page.members)
        events = [_build_event(ctx, trigger, item) for item in planned]
        new_keys = store_events(ctx, session, trigger.source, events, source="schedule").new if events else set()
        is_last = page.cursor is None
        scan = scan.model_copy(update={"cursor": page.cursor})
        former = current
        current = _finish(current, scan) if is_last else current.model_copy(update={"scan": scan})
        queues = _notify_held(ctx, session, trigger, former, current) if is_last else set()
        store_state(session, job, {**stored, "failure": None, "read_at": now.isoformat()}, current)
    for queue_name in queues | ({decide_queue(trigger.source)} if new_keys else set()):
        ctx.wake(queue_name)
    if not is_last:
        return timedelta(0)
    people, held = scan.count.people, current.held
    log.info("schedule_scanned survey=%s people=%d held=%s", trigger.survey, people, held)
    return max(scan.count.at + SCAN_INTERVAL - now, timedelta(minutes=1))


def _fields(ctx: Context, trigger: ScheduleTrigger, compiled: Filter | None) -> list[str]:
    """Return the fields of contacts that the filter uses, and those that routes need after the response."""
    names = location_fields(ctx) | {use.field for use in ctx.connections[trigger.source].contact_fields}
    return sorted(names | (compiled.names if compiled is not None else set()))


def _continued_scan(state: ScheduleState, now: datetime) -> Scan | None:
    """Return the scan in progress; None if there is none, or if it is so old, or in the future, that it begins anew."""
    scan = state.scan
    return scan if scan is not None and abs(now - scan.count.at) < MAX_SCAN_TIME else None


def _begin(ctx: Context, session: Session, trigger: ScheduleTrigger, state: ScheduleState, now: datetime) -> Scan:
    restored = pauses.load_pauses(session).get(pauses.RESTORED_SCOPE)
    restored_at = restored.since.timestamp() if restored is not None and not ctx.shadow else None
    progress = begin_scan(to_progress(state.progress), trigger.every, now.timestamp(), restored_at)
    return Scan(is_held=state.held is not None, progress=from_progress(progress), count=PopulationCount(at=now))


def _plan_page(
    ctx: Context,
    session: Session,
    trigger: ScheduleTrigger,
    state: ScheduleState,
    scan: Scan,
    members: Sequence[Member],
) -> tuple[Scan, list[_Planned]]:
    """Count the members of a page, and return those whose slot is due; none if the schedule is held."""
    people = scan.count.people + len(members)
    is_held = scan.is_held or is_unusual_growth(people, state.usual, ctx.settings.limits.unusual)
    planned, days = _find_due(ctx, session, trigger, scan, members)
    count = PopulationCount(at=scan.count.at, people=people, days=_add_days(scan.count.days, days))
    return scan.model_copy(update={"is_held": is_held, "count": count}), [] if is_held else planned


def _find_due(
    ctx: Context, session: Session, trigger: ScheduleTrigger, scan: Scan, members: Sequence[Member]
) -> tuple[list[_Planned], Counter[str]]:
    """Return the slots that are due at the scan, and the number of later ones by day."""
    progress, now = to_progress(scan.progress), scan.count.at.timestamp()
    midnights, days = _midnights(ctx, scan.count.at)
    since = now if progress.since is None else progress.since
    schedule = Schedule(trigger.survey, trigger.every, since, now, midnights[-1], progress.catch_ups)
    periods = schedule.periods()
    first_after = ctx.settings.surveys[trigger.survey].first_after or timedelta()
    wait = first_after.total_seconds()
    last_surveys = load_last_surveys(ctx, session, trigger.survey, members)
    planned: list[_Planned] = []
    counts: Counter[str] = Counter(dict.fromkeys(days[:-1], 0))
    for member in members:
        share = slot_share(trigger.survey, f"{trigger.source}:{member.vendor_id}")
        last = last_surveys.get(member.row_id) if last_surveys and member.row_id is not None else None
        eligible_at = member.created_at + wait if wait and member.created_at is not None else None
        for slot in due_slots(schedule, periods, share, last, eligible_at):
            if slot.due_at <= now:
                planned.append(_Planned(member, slot))
            else:
                counts[days[bisect_right(midnights, slot.due_at) - 1]] += 1
    return planned, counts


def _add_days(counted: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    """Return the numbers by day, days without anybody included."""
    return {day: counted.get(day, 0) + number for day, number in more.items()}


def _midnights(ctx: Context, at: datetime) -> tuple[list[float], list[str]]:
    """Return the starts of the days that `surveys upcoming` shows, with the start after the last, and the days."""
    zone = ctx.settings.core.zone
    first = local_date(at, zone)
    dates = [first + timedelta(days=number) for number in range(UPCOMING_DAYS + 2)]
    return [utc_at(day, time(), zone).timestamp() for day in dates], [day.isoformat() for day in dates]


def _finish(state: ScheduleState, scan: Scan) -> ScheduleState:
    """Return the state after the last page: the progress counts if events were made, else the schedule is held."""
    values: dict[str, Any] = {"scan": None, "counted": scan.count}
    if state.held is None and not scan.is_held and scan.count.people:
        values |= {"progress": scan.progress.model_copy(update={"since": scan.count.at.timestamp()})}
        values |= {"usual": scan.count.people}
    elif state.held is None:
        values["held"] = "unusual" if scan.is_held else "empty"
    return state.model_copy(update=values)


def _notify_held(
    ctx: Context, session: Session, trigger: ScheduleTrigger, former: ScheduleState, state: ScheduleState
) -> set[str]:
    """Notify staff of a schedule that waits for a release from now on; return the queues with new work."""
    is_first_count = former.counted is None
    if state.held is None or (state.held == former.held and not is_first_count):
        return set()
    people = state.counted.people if state.counted is not None else 0
    notice = notices.render_schedule_held(ctx.settings.core.language, survey=trigger.survey, people=people)
    finding = "people-held" if people else "population-empty"
    return notify_once_per_day(ctx, session, f"{trigger.label}:{state.held}", notice, finding=finding)


def _build_event(ctx: Context, trigger: ScheduleTrigger, item: _Planned) -> Event:
    """Return the event of a slot; its key holds the interval, so that other periods never have the same key."""
    slot, contact = item.slot, item.member.contact
    every = format_interval(trigger.every).replace(" ", "-")
    mode = ":shadow" if ctx.shadow else ""
    return Event(
        key=f"{trigger.label}:{every}:{slot.period}:{contact.id}{mode}",
        kind=SCHEDULE_EVENT_KIND,
        object_id=contact.id,
        occurred_at=moment_of(slot.due_at),
        contacts=(contact,),
        fields={
            PERIOD_FIELD: slot.period,
            SLOT_FIELD: moment_of(slot.slot).isoformat(),
            CLOSES_AT_FIELD: moment_of(slot.closes_at).isoformat(),
        },
    )
