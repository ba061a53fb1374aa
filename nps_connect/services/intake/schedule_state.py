"""State of a recurring survey, kept in the memo of its job: how far its scans have come, and what it waits for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any, Literal, NamedTuple

from pydantic import Field
from sqlalchemy import select, update
from sqlmodel import Session, col

from nps_connect.ledger.workers import SCHEDULE_JOB_PREFIX, JobRow
from nps_connect.records.base import Moment, Record
from nps_connect.rules.schedule import CatchUp, Progress
from nps_connect.settings.model import ScheduleTrigger, Settings

STATE_KEY = "schedule"
"""Key of the job's memo."""

HoldReason = Literal["first_run", "empty", "unusual"]


class PopulationCount(Record):
    """Result of a whole scan.

    Attributes:
        at: when the scan began.
        people: size of the population.
        days: number of people due by day (company's time zone), for the days from the scan on.
    """

    at: Moment
    people: int = 0
    days: dict[str, int] = Field(default_factory=dict)


class StoredProgress(Record):
    """`rules.schedule.Progress` as stored."""

    every: str | None = None
    since: float | None = None
    catch_ups: tuple[tuple[float, float, float], ...] = ()


class Scan(Record):
    """A scan that is not finished.

    Attributes:
        cursor: of the next page; None before the first.
        is_held: only counts.
        progress: after the scan, unless it is held.
        count: of the pages so far.
    """

    cursor: str | None = None
    is_held: bool
    progress: StoredProgress
    count: PopulationCount


class ScheduleState(Record):
    """State of a schedule.

    Attributes:
        connection: that its population comes from; another one starts anew.
        shadow: whether it runs in shadow mode; going live starts anew.
        held: why no events are made until an operator releases the trigger; None if they are.
        usual: number of people that an operator has confirmed, or that the last accepted scan found.
        progress: after the last scan that made events.
        counted: result of the last whole scan.
        scan: the scan in progress.
    """

    connection: str
    shadow: bool
    held: HoldReason | None = "first_run"
    usual: int = 0
    progress: StoredProgress = StoredProgress()
    counted: PopulationCount | None = None
    scan: Scan | None = None


class ScheduleStatus(NamedTuple):
    """A schedule as the ledger knows it.

    Attributes:
        trigger: the trigger of its events.
        state: its state; None before its first scan.
        failure: since when, and why, its population cannot be read; None if it can.
    """

    trigger: ScheduleTrigger
    state: ScheduleState | None
    failure: tuple[datetime, str] | None

    @property
    def people(self) -> int | None:
        """Size of the population at the last whole scan; None before it."""
        return None if self.state is None or self.state.counted is None else self.state.counted.people

    def days_from(self, day: date) -> dict[date, int]:
        """Return the number of people due by day, from a day on."""
        counted = self.state.counted if self.state is not None else None
        days = {date.fromisoformat(text): people for text, people in (counted.days if counted else {}).items()}
        return {due: people for due, people in sorted(days.items()) if due >= day}


def schedule_job(survey: str) -> str:
    """Return the name of the job of a recurring survey."""
    return f"{SCHEDULE_JOB_PREFIX}{survey}"


def load_state(memo: Mapping[str, Any], trigger: ScheduleTrigger, *, shadow: bool) -> ScheduleState:
    """Return the stored state; a new one if there is none, or if connection or mode have changed."""
    stored = memo.get(STATE_KEY)
    state = ScheduleState.model_validate(stored) if stored is not None else None
    if state is None or (state.connection, state.shadow) != (trigger.source, shadow):
        return ScheduleState(connection=trigger.source, shadow=shadow)
    return state


def load_schedules(session: Session, settings: Settings) -> Iterator[ScheduleStatus]:
    """Yield the schedules of the configuration with their states, in the order of the surveys."""
    triggers = {schedule_job(trigger.survey): trigger for trigger in settings.schedule_triggers}
    jobs = JobRow.__table__
    query = select(jobs.c.name, jobs.c.memo).where(jobs.c.name.in_(list(triggers)))
    memos: dict[str, dict[str, Any]] = dict(session.connection().execute(query).all()) if triggers else {}
    for job, trigger in triggers.items():
        memo = memos.get(job, {})
        has_state = memo.get(STATE_KEY) is not None
        state = load_state(memo, trigger, shadow=settings.core.mode == "shadow") if has_state else None
        failure = memo.get("failure")
        problem = (datetime.fromisoformat(failure["since"]), failure["reason"]) if failure else None
        yield ScheduleStatus(trigger, state, problem)


def lock_memo(session: Session, job: str) -> dict[str, Any]:
    """Return the memo of a job as it is now, and keep others from changing it until the end of the transaction."""
    query = select(col(JobRow.memo)).where(col(JobRow.name) == job).with_for_update()
    return dict(session.execute(query).scalar_one())


def store_state(session: Session, job: str, memo: Mapping[str, Any], state: ScheduleState, **values: Any) -> None:  # noqa: ANN401
    """Write the state into the memo of a job, with further columns of its row."""
    memo = {**memo, STATE_KEY: state.model_dump(mode="json")}
    statement = update(JobRow).where(col(JobRow.name) == job).values(memo=memo, **values)
    session.execute(statement.execution_options(synchronize_session=False))


def release_schedule(session: Session, status: ScheduleStatus, now: datetime) -> None:
    """Let a held schedule make events, for as many people as its last scan has counted; its next scan starts now."""
    job = schedule_job(status.trigger.survey)
    memo = lock_memo(session, job)
    state = status.state
    if state is None or state.counted is None:
        return
    released = state.model_copy(update={"held": None, "usual": state.counted.people, "scan": None})
    store_state(session, job, memo, released, due_at=now)


def to_progress(stored: StoredProgress) -> Progress:
    """Return the progress for the rules."""
    return Progress(stored.every, stored.since, tuple(CatchUp(*catch_up) for catch_up in stored.catch_ups))


def from_progress(progress: Progress) -> StoredProgress:
    """Return the progress as it is stored."""
    catch_ups = tuple((catch_up.since, catch_up.until, catch_up.over) for catch_up in progress.catch_ups)
    return StoredProgress(every=progress.every, since=progress.since, catch_ups=catch_ups)


def moment_of(seconds: float) -> datetime:
    """Return a moment from seconds since 1970, in UTC."""
    return datetime.fromtimestamp(seconds, UTC)
