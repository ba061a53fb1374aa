"""System status, for people and as Prometheus metrics."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlmodel import Session, col

from nps_connect.ledger import pauses
from nps_connect.ledger.counters import CounterRow
from nps_connect.ledger.storage_health import StorageProblem
from nps_connect.ledger.tables import DeliveryRow, EventRow
from nps_connect.ledger.workers import JobRow, WorkerRow
from nps_connect.services.context import decide_queue
from nps_connect.services.decisions.held_triggers import count_held
from nps_connect.services.intake.reconcile import MISSED_WEBHOOKS_COUNTER
from nps_connect.services.invitations.daily_cap import count_sent_today
from nps_connect.services.operations.connection_findings import count_unreadable, load_last_event
from nps_connect.services.operations.future_moments import count_corrected
from nps_connect.services.responses.unconfirmed_scores import count_awaiting_confirmation
from nps_connect.services.suppressions.bounces import bounces_job
from nps_connect.settings.model import Settings

MISSED_PERIOD = timedelta(days=30)
REPORTED_STATES = ("pending", "running", "held", "dead")


@dataclass(frozen=True)
class IntakeStatus:
    """Intake of one connection.

    Attributes:
        last_event_at: when its newest event was received; None means never.
        missed: facts of the last 30 days that no webhook reported and the reconciliation found.
        undecided: events without a decision yet.
        unreadable: webhooks that the plugin could not read, kept for a replay.
    """

    last_event_at: datetime | None
    missed: int
    undecided: int
    unreadable: int


@dataclass(frozen=True)
class PausedScope:
    """A pause: what, by whom and why."""

    scope: str
    cause: str
    reason: str
    since: datetime


@dataclass(frozen=True)
class UnreadableMailbox:
    """A bounce mailbox that cannot be read, since when and why."""

    since: datetime
    reason: str


@dataclass(frozen=True)
class SystemStatus:
    """Status of the whole application.

    Attributes:
        at: when it was loaded.
        mode: `shadow` or `live`.
        surveys_today: surveys sent today.
        surveys_per_day: the cap.
        paused: every pause.
        held: number of held decisions by trigger.
        deliveries: number of deliveries in each of `REPORTED_STATES`.
        to_confirm: detractors whose score is unconfirmed for a day and whose visits show no sign of a bot.
        connections: by name, those that receive events or have undecided ones.
        unreadable_mailboxes: bounce mailboxes that cannot be read, by connection.
        storage_problem: that the database's disk is full or fails, and what to do; None if it can be written.
        moments_corrected: stored moments of the last 7 days that a wrong clock had left in the future.
        clock_ahead_seconds: how far the newest heartbeat lies in the future; 0 if none does.
    """

    at: datetime
    mode: str
    surveys_today: int
    surveys_per_day: int
    paused: tuple[PausedScope, ...] = ()
    held: dict[str, int] = field(default_factory=dict)
    deliveries: dict[str, int] = field(default_factory=dict)
    to_confirm: int = 0
    connections: dict[str, IntakeStatus] = field(default_factory=dict)
    unreadable_mailboxes: dict[str, UnreadableMailbox] = field(default_factory=dict)
    storage_problem: str | None = None
    moments_corrected: int = 0
    clock_ahead_seconds: float = 0.0


def load_status(
    session: Session, settings: Settings, now: datetime, problem: StorageProblem | None = None
) -> SystemStatus:
    """Load the status of everything; `problem` is what is wrong with the database's storage."""
    by_state = select(col(DeliveryRow.state), func.count()).where(col(DeliveryRow.state).in_(REPORTED_STATES))
    counts = dict(session.execute(by_state.group_by(col(DeliveryRow.state))).all())
    intakes = {name: _load_intake_status(session, name, now) for name in settings.connections}
    receiving = {name for name, table in settings.connections.items() if table.get("events", "none") != "none"}
    newest_heartbeat = session.execute(select(func.max(col(WorkerRow.seen_at)))).scalar()
    return SystemStatus(
        at=now,
        mode=settings.core.mode,
        surveys_today=count_sent_today(session, now, settings.core.zone),
        surveys_per_day=settings.limits.surveys_per_day,
        paused=tuple(
            PausedScope(row.scope, row.cause, row.reason, row.since) for row in pauses.load_pauses(session).values()
        ),
        held=count_held(session),
        deliveries={state: int(counts.get(state, 0)) for state in REPORTED_STATES},
        to_confirm=count_awaiting_confirmation(session, now),
        connections={name: intake for name, intake in intakes.items() if name in receiving or intake.undecided},
        unreadable_mailboxes=_load_unreadable_mailboxes(session, settings),
        storage_problem=None if problem is None else f"{problem.text}; {problem.fix}",
        moments_corrected=count_corrected(session, now),
        clock_ahead_seconds=max((newest_heartbeat - now).total_seconds(), 0.0) if newest_heartbeat else 0.0,
    )


def _load_unreadable_mailboxes(session: Session, settings: Settings) -> dict[str, UnreadableMailbox]:
    names = {bounces_job(name): name for name in settings.connections}
    jobs = session.execute(select(JobRow).where(col(JobRow.name).in_(names))).scalars()
    failures = {names[job.name]: job.memo["failure"] for job in jobs if "failure" in job.memo}
    return {
        name: UnreadableMailbox(datetime.fromisoformat(failure["since"]), failure["reason"])
        for name, failure in failures.items()
    }


def _load_intake_status(session: Session, name: str, now: datetime) -> IntakeStatus:
    last_event = load_last_event(session, name)
    missed = select(func.sum(col(CounterRow.count))).where(
        col(CounterRow.name) == MISSED_WEBHOOKS_COUNTER,
        col(CounterRow.connection) == name,
        col(CounterRow.day) >= (now - MISSED_PERIOD).date(),
    )
    undecided = select(func.count()).where(
        col(EventRow.queue_name) == decide_queue(name), col(EventRow.state) == "pending"
    )
    return IntakeStatus(
        last_event_at=last_event.received_at if last_event else None,
        missed=int(session.execute(missed).scalar() or 0),
        undecided=int(session.execute(undecided).scalar_one()),
        unreadable=count_unreadable(session, name),
    )


def render_metrics(status: SystemStatus) -> str:
    """Render the status as Prometheus text (exposition format 0.0.4)."""
    intakes = status.connections
    ages = {name: _age_seconds(status, intake) for name, intake in intakes.items()}
    missed = {name: intake.missed for name, intake in intakes.items()}
    undecided = {name: intake.undecided for name, intake in intakes.items()}
    unreadable = {name: intake.unreadable for name, intake in intakes.items()}
    metrics: tuple[tuple[str, str, Mapping[str, float]], ...] = (
        ("surveys_today", "Surveys sent today.", {"": status.surveys_today}),
        (
            "database_unusable",
            "1 if the disk of the database is full or fails.",
            {"": status.storage_problem is not None},
        ),
        ("surveys_per_day", "The cap on surveys per day.", {"": status.surveys_per_day}),
        ("paused", "Paused scopes.", _label("scope", dict.fromkeys((pause.scope for pause in status.paused), 1))),
        ("held_decisions", "Decisions held for an operator.", _label("trigger", status.held)),
        ("deliveries", "Deliveries by state.", _label("state", status.deliveries)),
        ("to_confirm", "Unconfirmed detractors of a day ago without signs of a bot.", {"": status.to_confirm}),
        ("last_event_age_seconds", "Age of the newest event; +Inf before the first.", _label("connection", ages)),
        (
            "events_missed",
            "Facts of the last 30 days that no webhook reported and the reconciliation found.",
            _label("connection", missed),
        ),
        ("events_undecided", "Events without a decision yet.", _label("connection", undecided)),
        ("moments_corrected", "Moments of 7 days that a wrong clock had set.", {"": status.moments_corrected}),
        ("events_unreadable", "Webhooks that could not be read.", _label("connection", unreadable)),
    )
    lines: list[str] = []
    for name, text, samples in metrics:
        metric = f"nps_connect_{name}"
        lines += [f"# HELP {metric} {text}", f"# TYPE {metric} gauge"]
        lines += [
            f"{metric}{label} {'+Inf' if math.isinf(value) else f'{value:g}'}" for label, value in samples.items()
        ]
    return "".join(f"{line}\n" for line in lines)


def _label(label: str, values: Mapping[str, float]) -> dict[str, float]:
    """Return the values by label in Prometheus syntax, such as ``{state="dead"}``."""
    escapes = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
    return {f'{{{label}="{name.translate(escapes)}"}}': value for name, value in values.items()}


def _age_seconds(status: SystemStatus, intake: IntakeStatus) -> float:
    """The age of a connection's newest event, in seconds; infinite before the first."""
    return math.inf if intake.last_event_at is None else (status.at - intake.last_event_at).total_seconds()
