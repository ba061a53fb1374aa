"""Status of the whole application, from the ledger alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session

from nps_connect.ledger import pauses
from nps_connect.ledger.cooldowns import count_sent_today
from nps_connect.ledger.current_counts import count_corrected, count_held
from nps_connect.ledger.daily_figures import TOUCHPOINT, DailyFigureRow
from nps_connect.ledger.storage_health import StorageProblem
from nps_connect.ledger.workers import HEARTBEAT_TIMEOUT, load_workers
from nps_connect.records.base import NPS_SCALE, SEGMENT_BY_SCORE
from nps_connect.rules.nps_arithmetic import NpsFigure, compute_nps
from nps_connect.rules.timing import local_date
from nps_connect.services.operations.connection_status import ConnectionStatus
from nps_connect.services.operations.digest_findings import ScoreAlarm, load_score_alarms, load_unread_digests
from nps_connect.services.operations.load_connections import load_connections
from nps_connect.services.operations.schedule_findings import ScheduleSummary, load_summaries
from nps_connect.services.responses.unconfirmed_scores import count_awaiting_confirmation
from nps_connect.settings.model import Settings

REPORTED_STATES = ("pending", "running", "held", "dead")
WORKER_ROLES = ("run", "worker")
"""Roles of processes that work on queues; `serve` only answers requests."""


@dataclass(frozen=True)
class PausedScope:
    """A pause: what, by whom and why."""

    scope: str
    cause: str
    reason: str
    since: datetime


@dataclass(frozen=True)
class SystemStatus:
    """Status of the whole application.

    Attributes:
        at: when it was loaded.
        mode: `shadow` or `live`.
        public_url: the address at which customers and vendors reach the product.
        surveys_today: surveys sent today.
        surveys_per_day: the cap.
        responses_today: confirmed responses of today, with their Net Promoter Score.
        paused: every pause.
        held: number of held decisions by trigger.
        deliveries: number of deliveries in each of `REPORTED_STATES`.
        to_confirm: detractors whose score is unconfirmed for a day and whose visits show no sign of a bot.
        connections: by name.
        storage_problem: that the database's disk is full or fails, and what to do; None if it can be written.
        moments_corrected: stored moments of the last 7 days that a wrong clock had left in the future.
        clock_ahead_seconds: how far the newest heartbeat lies in the future; 0 if none does.
        workers: number of processes with a recent heartbeat that work on queues.
        worker_seen_at: the newest heartbeat of such a process within the last day; None without any.
        schedules: the recurring surveys.
        unread_digests: the digests that every recipient has left, by the name of the team; empty for the company.
        score_alarms: scores that have gone down by more than chance explains, newest first.
    """

    at: datetime
    mode: str
    public_url: str
    surveys_today: int
    surveys_per_day: int
    responses_today: NpsFigure
    paused: tuple[PausedScope, ...] = ()
    held: dict[str, int] = field(default_factory=dict)
    deliveries: dict[str, int] = field(default_factory=dict)
    to_confirm: int = 0
    connections: dict[str, ConnectionStatus] = field(default_factory=dict)
    storage_problem: str | None = None
    moments_corrected: int = 0
    clock_ahead_seconds: float = 0.0
    workers: int = 0
    worker_seen_at: datetime | None = None
    schedules: tuple[ScheduleSummary, ...] = ()
    unread_digests: tuple[str, ...] = ()
    score_alarms: tuple[ScoreAlarm, ...] = ()

    @property
    def pause_by_scope(self) -> Mapping[str, PausedScope]:
        """The pauses by scope."""
        return {pause.scope: pause for pause in self.paused}


def load_status(
    session: Session, settings: Settings, now: datetime, problem: StorageProblem | None = None
) -> SystemStatus:
    """Load the status of everything; `problem` is what is wrong with the database's storage."""
    connections = load_connections(session, settings, now)
    processes = load_workers(session)
    newest_heartbeat = max((process.seen_at for process in processes), default=now)
    heartbeats = [process.seen_at for process in processes if process.role in WORKER_ROLES]
    return SystemStatus(
        at=now,
        mode=settings.core.mode,
        public_url=settings.core.url,
        surveys_today=count_sent_today(session, now, settings.core.zone),
        surveys_per_day=settings.limits.surveys_per_day,
        responses_today=_load_responses_today(session, settings, now),
        paused=tuple(
            PausedScope(row.scope, row.cause, row.reason, row.since) for row in pauses.load_pauses(session).values()
        ),
        held=count_held(session),
        deliveries=_sum_states(connections.values()),
        to_confirm=count_awaiting_confirmation(session, now),
        connections=connections,
        storage_problem=None if problem is None else f"{problem.text}; {problem.fix}",
        moments_corrected=count_corrected(session, now),
        clock_ahead_seconds=max((newest_heartbeat - now).total_seconds(), 0.0),
        workers=sum(seen_at > now - HEARTBEAT_TIMEOUT for seen_at in heartbeats),
        worker_seen_at=max(heartbeats, default=None),
        schedules=load_summaries(session, settings, now),
        unread_digests=load_unread_digests(session, settings),
        score_alarms=load_score_alarms(session),
    )


def _sum_states(connections: Iterable[ConnectionStatus]) -> dict[str, int]:
    """Return the number of deliveries in each of `REPORTED_STATES`."""
    counts = [connection.deliveries for connection in connections]
    return {state: sum(count.get(state, 0) for count in counts) for state in REPORTED_STATES}


def _load_responses_today(session: Session, settings: Settings, now: datetime) -> NpsFigure:
    today = local_date(now, settings.core.zone)
    figures = DailyFigureRow.__table__
    columns = figures.c.value, figures.c.count
    is_today = (figures.c.dimension == TOUCHPOINT) & (figures.c.day == today) & (figures.c.scale == NPS_SCALE)
    counts = Counter[str]()
    for score, count in session.connection().execute(select(*columns).where(is_today)):
        counts[SEGMENT_BY_SCORE[int(score)]] += count
    return compute_nps(counts["promoter"], counts["passive"], counts["detractor"])
