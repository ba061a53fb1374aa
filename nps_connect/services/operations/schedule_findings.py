"""Findings about recurring surveys, from the ledger alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlmodel import Session

from nps_connect.records.findings import Finding
from nps_connect.rules.timing import local_date
from nps_connect.services.intake.schedule_state import HoldReason, ScheduleStatus, load_schedules
from nps_connect.settings.model import Settings

LATE_AFTER = timedelta(days=3)
"""Time without a whole scan of a population, which takes place once a day, from which on it is reported."""


@dataclass(frozen=True)
class ScheduleSummary:
    """A recurring survey, for the status.

    Attributes:
        survey: name of the survey.
        trigger: label of the trigger that it implies.
        connection: that its population comes from.
        held: why nobody is asked until an operator releases the trigger; None if people are asked.
        people: size of the population at the last whole scan; None before it.
        counted_at: when that scan began.
        per_day: number of people due per day in the next 30 days, on average.
        failed_since, failure: since when, and why, the population cannot be read; None if it can.
    """

    survey: str
    trigger: str
    connection: str
    held: HoldReason | None
    people: int | None
    counted_at: datetime | None
    per_day: float
    failed_since: datetime | None
    failure: str | None


def load_summaries(session: Session, settings: Settings, now: datetime) -> tuple[ScheduleSummary, ...]:
    """Return the recurring surveys of the configuration; no query if there are none."""
    return tuple(_summarize(status, settings, now) for status in load_schedules(session, settings))


def schedule_findings(summaries: tuple[ScheduleSummary, ...], at: datetime, surveys_per_day: int) -> Iterator[Finding]:
    """Yield what is wrong with recurring surveys.

    Args:
        summaries: the recurring surveys.
        at: the present moment.
        surveys_per_day: the cap of all surveys.
    """
    for schedule in summaries:
        yield from _hold_findings(schedule)
        if schedule.failure is not None and schedule.failed_since is not None:
            days = (at - schedule.failed_since).days
            text = f"the people of recurring survey {schedule.survey} cannot be listed for {days} days: "
            fix = f"nps-connect connections check {schedule.connection}"
            yield _finding("connection-failing", "error", schedule, text + schedule.failure, fix)
        elif schedule.counted_at is not None and at - schedule.counted_at > LATE_AFTER:
            days = (at - schedule.counted_at).days
            text = f"the people of recurring survey {schedule.survey} were looked at {days} days ago, not within a day"
            fix = "nps-connect run; what was missed is caught up over as many days"
            yield _finding("events-undecided", "warning", schedule, text, fix)
    planned = sum(schedule.per_day for schedule in summaries)
    if planned > surveys_per_day:
        text = f"recurring surveys reach about {planned:.0f} people a day, surveys_per_day is {surveys_per_day}"
        fix = "raise limits.surveys_per_day, or every; until then the surveys are later and later"
        yield Finding(id="daily-limit", severity="warning", subject=None, text=text, fix=fix)


def _hold_findings(schedule: ScheduleSummary) -> Iterator[Finding]:
    release = f"look at them: nps-connect surveys upcoming {schedule.survey}; then: nps-connect triggers release "
    release += f"'{schedule.trigger}'"
    name = f"recurring survey {schedule.survey}"
    if schedule.held == "empty" or (schedule.held is not None and schedule.people == 0):
        text = f"the population of {name} is empty, so that nobody is asked"
        fix = f"correct surveys.{schedule.survey}.population, or the fields at {schedule.connection}; {release}"
        yield _finding("population-empty", "warning", schedule, text, fix)
    elif schedule.held == "unusual":
        text = f"the population of {name} has grown to {schedule.people}, more than twice as many as before: held"
        yield _finding("people-held", "warning", schedule, text, release)
    elif schedule.held == "first_run" and schedule.people is not None:
        text = f"{name} waits for its first release: {schedule.people} people, about {schedule.per_day:.1f} a day"
        yield _finding("people-held", "warning", schedule, text, release)


def _summarize(status: ScheduleStatus, settings: Settings, now: datetime) -> ScheduleSummary:
    state = status.state
    days = status.days_from(local_date(now, settings.core.zone))
    return ScheduleSummary(
        survey=status.trigger.survey,
        trigger=status.trigger.label,
        connection=status.trigger.source,
        held=state.held if state is not None else "first_run",
        people=status.people,
        counted_at=state.counted.at if state is not None and state.counted is not None else None,
        per_day=sum(days.values()) / len(days) if days else 0.0,
        failed_since=status.failure[0] if status.failure else None,
        failure=status.failure[1] if status.failure else None,
    )


def _finding(
    kind: str, severity: Literal["warning", "error"], schedule: ScheduleSummary, text: str, fix: str
) -> Finding:
    return Finding(id=kind, severity=severity, subject=schedule.trigger, text=text, fix=fix)
