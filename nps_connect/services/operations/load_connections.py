"""Load the status of connections: events, webhooks, deliveries, failures, pauses, silence."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, bindparam, func, literal_column, select
from sqlmodel import Session

from nps_connect.ledger import pauses
from nps_connect.ledger.bulk_sql import RUNNING, by_partial_index
from nps_connect.ledger.columns import UtcDateTime, decide_queue
from nps_connect.ledger.counters import MISSED_WEBHOOKS_COUNTER, REFUSED_WEBHOOKS_PREFIX, CounterRow
from nps_connect.ledger.observations import ObservationRow
from nps_connect.ledger.pauses import DATABASE_SCOPE, MAIL_SCOPE, BreakerRow, PauseRow
from nps_connect.ledger.queue_figures import WaitingRows, load_last_successes, load_waiting_rows
from nps_connect.ledger.quotas import QuotaRow
from nps_connect.ledger.review_requests import was_sent_for
from nps_connect.ledger.tables import AttemptRow, DeliveryRow, EventRow, RawRequest
from nps_connect.ledger.workers import BOUNCES_JOB_PREFIX, POLL_JOB_PREFIX, RECONCILE_JOB_PREFIX, JobRow
from nps_connect.rules.silence import MIN_SILENCE, compared_periods, is_unusual_silence
from nps_connect.services.operations.connection_status import ConnectionState, ConnectionStatus, Failure
from nps_connect.services.operations.finding_causes import list_secrets
from nps_connect.services.operations.recorded_checks import add_check, load_checks
from nps_connect.settings.model import Settings

MISSED_PERIOD = timedelta(days=30)
REFUSED_PERIOD = timedelta(days=1)

MAX_COMPARED_EVENTS = 100
"""Events of one period are counted up to this number: it is compared with a much smaller one."""

DEAD_STATE: ColumnElement[str] = literal_column("'dead'")
"""A literal: with a parameter the partial index of unreadable requests is not used."""

STOPPED_STATES: ColumnElement[str] = literal_column("('held', 'dead')")
"""Literals too, for the partial index of these states."""

COMPARED_FAILURES = 500
"""So many of the newest failed attempts are searched for the last error of each connection."""

READING_JOB_PREFIXES = POLL_JOB_PREFIX, RECONCILE_JOB_PREFIX  # of the jobs that read events from the vendor

FAILED_OUTCOME: ColumnElement[bool] = literal_column("outcome <> 'succeeded'")
"""A literal, for the partial index of failed attempts."""

_ATTEMPTS: Table = AttemptRow.__table__
_BREAKERS: Table = BreakerRow.__table__
_COUNTERS: Table = CounterRow.__table__
_DELIVERIES: Table = DeliveryRow.__table__
_EVENTS: Table = EventRow.__table__
_JOBS: Table = JobRow.__table__
_QUOTAS: Table = QuotaRow.__table__
_REQUESTS: Table = RawRequest.__table__

_MISSED_IN_PERIOD = f"{MISSED_WEBHOOKS_COUNTER} in {MISSED_PERIOD.days} days"


def load_connections(session: Session, settings: Settings, now: datetime) -> dict[str, ConnectionStatus]:
    """Load the status of every configured connection, by name."""
    facts = _SharedFacts.load(session, now)
    return {name: _load_connection(session, settings, name, facts, now) for name in settings.connections}


def load_last_event(session: Session, connection: str) -> Row[Any, Any, Any] | None:
    """Load kind, source and moment (`received_at`) of the event that was received last, if any."""
    return session.connection().execute(_LAST_EVENT_QUERY, {"connection": connection}).first()


def count_by_state(session: Session, connection: str) -> dict[str, int]:
    """Count the deliveries of a connection by state; states without any are absent."""
    query = (
        select(_DELIVERIES.c.state, func.count())
        .where(_DELIVERIES.c.connection == connection)
        .group_by(_DELIVERIES.c.state)
    )
    return {state: int(count) for state, count in session.connection().execute(query)}


def is_scope_of(scope: str, connection: str) -> bool:
    """Return whether a scope is the connection, or one of its queues."""
    return scope == pauses.connection_scope(connection) or scope.startswith(pauses.queue_scope(connection, ""))


def channel_names(settings: Settings) -> set[str]:
    """Return the connections through which surveys are sent."""
    return {survey.channel for survey in settings.surveys.values()}


@dataclass(frozen=True)
class _SharedFacts:
    """What one query each loads for all connections."""

    pauses: Mapping[str, PauseRow]
    breakers: Mapping[str, BreakerRow]
    quotas: Mapping[str, dict[str, datetime]]
    stopped: Mapping[str, list[tuple[str, str | None, int]]]
    running: Mapping[str, int]
    waiting: Mapping[str, WaitingRows]
    successes: Mapping[str, datetime]
    undecided: Mapping[str, WaitingRows]
    unreadable: Mapping[str, int]
    memos: Mapping[str, dict[str, Any]]
    checks: Mapping[str, ObservationRow]
    errors: Mapping[str, Failure]
    counters: Mapping[str, Counter[str]]

    @classmethod
    def load(cls, session: Session, now: datetime) -> _SharedFacts:
        """Load the facts."""
        quotas: dict[str, dict[str, datetime]] = defaultdict(dict)
        for quota in session.connection().execute(select(_QUOTAS).where(_QUOTAS.c.paused_until > now)):
            quotas[quota.connection][quota.name] = quota.paused_until
        stopped: dict[str, list[tuple[str, str | None, int]]] = defaultdict(list)
        columns = _DELIVERIES.c.connection, _DELIVERIES.c.state, _DELIVERIES.c.hold_code
        is_stopped = _DELIVERIES.c.state.op("IN")(STOPPED_STATES)
        query = select(*columns, func.count()).where(by_partial_index(is_stopped)).group_by(*columns)
        for connection, *row in session.connection().execute(query):
            stopped[connection].append((row[0], row[1], int(row[2])))
        return cls(
            pauses=pauses.load_pauses(session),
            breakers={row.scope: row for row in session.connection().execute(select(_BREAKERS))},  # type: ignore[misc]
            quotas=quotas,
            stopped=stopped,
            running=_count_by_connection(session, _DELIVERIES, _DELIVERIES.c.state == RUNNING),
            waiting=load_waiting_rows(session, DeliveryRow, now),
            successes=load_last_successes(session),
            undecided=load_waiting_rows(session, EventRow, now),
            unreadable=_count_by_connection(session, _REQUESTS, _REQUESTS.c.state == DEAD_STATE),
            memos=dict(session.connection().execute(_MEMOS_QUERY).all()),
            checks=load_checks(session),
            errors=_load_last_errors(session),
            counters=_load_counters(session, now),
        )


def _load_connection(
    session: Session, settings: Settings, name: str, facts: _SharedFacts, now: datetime
) -> ConnectionStatus:
    own_queue = f"{name}/"
    queues = {queue: rows for queue, rows in facts.waiting.items() if queue.startswith(own_queue)}
    stopped = facts.stopped.get(name, [])
    counts = {"pending": sum(rows.pending for rows in queues.values()), "running": facts.running.get(name, 0)}
    for state in ("held", "dead"):
        counts[state] = sum(count for row_state, _, count in stopped if row_state == state)
    event = load_last_event(session, name)
    events = str(settings.connections[name].get("events", "none"))
    usual = _load_usual_events(session, settings, name, event.received_at, now) if event is not None else ()
    breaker = facts.breakers.get(pauses.connection_scope(name))
    counters = facts.counters.get(name, Counter())
    own_pauses = tuple(sorted(scope for scope in facts.pauses if is_scope_of(scope, name)))
    is_channel = name in channel_names(settings)
    read_memos = [facts.memos[prefix + name] for prefix in READING_JOB_PREFIXES if prefix + name in facts.memos]
    undecided = facts.undecided.get(decide_queue(name))
    status = ConnectionStatus(
        events=events,
        is_channel=is_channel,
        secrets=list_secrets(settings.origins, name),
        last_event_at=event.received_at if event else None,
        last_event=f"{event.kind}, by {event.source}" if event else None,
        is_silent=events != "none" and event is not None and is_unusual_silence(now - event.received_at, usual),
        usual_events=usual,
        last_success_at=max((at for queue, at in facts.successes.items() if queue.startswith(own_queue)), default=None),
        failures=breaker.failures if breaker else 0,
        failure=breaker.reason if breaker else None,
        retry_at=breaker.open_until if breaker and breaker.open_until and breaker.open_until > now else None,
        quota_until=facts.quotas.get(name, {}),
        pauses=own_pauses,
        is_stopped=bool(own_pauses) or DATABASE_SCOPE in facts.pauses or (is_channel and MAIL_SCOPE in facts.pauses),
        deliveries=counts,
        held={code or "": count for row_state, code, count in stopped if row_state == "held"},
        queues=queues,
        refused={
            counter.removeprefix(REFUSED_WEBHOOKS_PREFIX): count
            for counter, count in sorted(counters.items())
            if counter.startswith(REFUSED_WEBHOOKS_PREFIX)
        },
        missed=counters[_MISSED_IN_PERIOD],
        missed_recently=counters[MISSED_WEBHOOKS_COUNTER],
        undecided=undecided.pending if undecided else 0,
        undecided_since=undecided.oldest_due_at if undecided else None,
        unreadable=facts.unreadable.get(name, 0),
        unreadable_reason=_load_unreadable_reason(session, name) if name in facts.unreadable else None,
        bounce_mailbox_failure=_job_failure(facts.memos.get(BOUNCES_JOB_PREFIX + name)),
        poll_failure=next(filter(None, map(_job_failure, read_memos)), None),
        last_error=facts.errors.get(name),
    )
    status = add_check(status, facts.checks.get(name), read_memos)
    worst = _connection_state(status)
    invites = any(route.do == "invite_review" and route.via == name for route in settings.routes)
    if worst == "unused" and invites and was_sent_for(session, name):  # by the mails of a channel
        worst = "ok"
    return replace(status, state=worst)


def _connection_state(status: ConnectionStatus) -> ConnectionState:
    conditions: tuple[tuple[ConnectionState, bool], ...] = (
        ("paused", status.is_stopped),
        ("failing", status.is_failing),
        ("waiting", bool(status.quota_until)),
        ("silent", status.is_silent),
        ("ok", status.last_event_at is not None or status.last_success_at is not None),
    )
    return next((state for state, is_true in conditions if is_true), "unused")


def _load_usual_events(
    session: Session, settings: Settings, name: str, last_event_at: datetime, now: datetime
) -> tuple[int, ...]:
    """Count the events of each compared period that began after the connection's first event, newest first."""
    if now - last_event_at < MIN_SILENCE:
        return ()
    connection = session.connection()
    first_event_at = connection.execute(_FIRST_EVENT_QUERY, {"connection": name}).scalar_one()
    return tuple(
        int(
            connection.execute(
                _EVENTS_QUERY, {"connection": name, "start": period.start, "end": period.end}
            ).scalar_one()
        )
        for period in compared_periods(last_event_at, now, settings.core.zone)
        if period.start >= first_event_at
    )


def _load_counters(session: Session, now: datetime) -> dict[str, Counter[str]]:
    """Load the counters of webhooks refused and events missed since yesterday, by connection.

    Missed events of `MISSED_PERIOD` are counted under `_MISSED_IN_PERIOD`.
    """
    totals: dict[str, Counter[str]] = defaultdict(Counter)
    columns = _COUNTERS.c.connection, _COUNTERS.c.name, _COUNTERS.c.day, _COUNTERS.c.count
    yesterday = (now - REFUSED_PERIOD).date()
    in_period = _COUNTERS.c.day >= (now - MISSED_PERIOD).date()
    for connection, name, day, count in session.connection().execute(select(*columns).where(in_period)):
        if day >= yesterday:
            totals[connection][name] += count
        if name == MISSED_WEBHOOKS_COUNTER:
            totals[connection][_MISSED_IN_PERIOD] += count
    return totals


def _job_failure(memo: Mapping[str, Any] | None) -> Failure | None:
    """Return why a job that calls the vendor fails."""
    failure = memo.get("failure") if memo is not None else None
    return Failure(datetime.fromisoformat(failure["since"]), failure["reason"]) if failure else None


def _load_last_errors(session: Session) -> dict[str, Failure]:
    """Load the newest failed attempt of each connection that is among the newest `COMPARED_FAILURES`."""
    newest = (
        select(_ATTEMPTS.c.id, _ATTEMPTS.c.delivery_id, _ATTEMPTS.c.finished_at, _ATTEMPTS.c.message)
        .where(FAILED_OUTCOME)
        .order_by(_ATTEMPTS.c.id.desc())
        .limit(literal_column(str(COMPARED_FAILURES)))
        .subquery()
    )
    query = (
        select(_DELIVERIES.c.connection, newest.c.finished_at, newest.c.message)
        .join_from(newest, _DELIVERIES, _DELIVERIES.c.id == newest.c.delivery_id)
        .order_by(newest.c.id)
    )
    return {connection: Failure(at, message or "") for connection, at, message in session.connection().execute(query)}


def _load_unreadable_reason(session: Session, connection: str) -> str | None:
    """Return why the newest unreadable webhook could not be read."""
    is_unreadable = (_REQUESTS.c.connection == connection) & (_REQUESTS.c.state == DEAD_STATE)
    query = select(_REQUESTS.c.last_error).where(is_unreadable).order_by(_REQUESTS.c.id.desc()).limit(1)
    return session.connection().execute(query).scalar()


def _count_by_connection(session: Session, rows: Table, condition: ColumnElement[bool]) -> dict[str, int]:
    query = select(rows.c.connection, func.count()).where(condition).group_by(rows.c.connection)
    counts = session.connection().execute(query)
    return {connection: int(count) for connection, count in counts}


_MEMOS_QUERY = select(_JOBS.c.name, _JOBS.c.memo).where(_JOBS.c.name.contains(":"))
_OF_CONNECTION = _EVENTS.c.connection == bindparam("connection")
_RECEIVED_AT = _EVENTS.c.received_at
_FIRST_EVENT_QUERY = select(func.min(_RECEIVED_AT)).where(_OF_CONNECTION)
_LAST_EVENT_QUERY = (
    select(_EVENTS.c.kind, _EVENTS.c.source, _EVENTS.c.received_at)
    .where(_OF_CONNECTION)
    .order_by(_EVENTS.c.received_at.desc(), _EVENTS.c.id.desc())
    .limit(literal_column("1"))
)
_MOMENT = UtcDateTime()
_EVENTS_QUERY = select(func.count()).select_from(
    select(_RECEIVED_AT)
    .where(_OF_CONNECTION)
    .where(bindparam("start", type_=_MOMENT) <= _RECEIVED_AT, bindparam("end", type_=_MOMENT) > _RECEIVED_AT)
    .limit(literal_column(str(MAX_COMPARED_EVENTS)))
    .subquery()
)
