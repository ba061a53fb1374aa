"""Findings on a connection from the ledger: received events, refused webhooks, pauses, failed deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import ColumnElement, func, literal_column, select
from sqlmodel import Session, col

from nps_connect.ledger import pauses
from nps_connect.ledger.counters import CounterRow
from nps_connect.ledger.pauses import BreakerRow
from nps_connect.ledger.quotas import QuotaRow
from nps_connect.ledger.tables import DeliveryRow, EventRow, RawRequest
from nps_connect.records.findings import Finding
from nps_connect.services.context import Context

MAX_SILENCE = timedelta(days=7)
LOOKBACK_PERIOD = timedelta(days=30)
"""Period in which skipped deliveries and refused webhooks are counted."""

DEAD_STATE: ColumnElement[str] = literal_column("'dead'")
"""A literal: with a parameter the partial index of unreadable requests is not used."""

TIME_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def ledger_findings(ctx: Context, connection: str) -> list[Finding]:
    """Return the core's own findings on a connection."""
    with ctx.ledger.read() as session:
        return [
            *_event_findings(ctx, session, connection),
            *_refused_webhook_findings(ctx, session, connection),
            *_unreadable_webhook_findings(session, connection),
            *_pause_findings(ctx, session, connection),
            *_quota_findings(ctx, session, connection),
            *_delivery_findings(ctx, session, connection),
        ]


def load_last_event(session: Session, connection: str) -> EventRow | None:
    """Load the event that was received last, if any."""
    row: EventRow | None = session.execute(
        select(EventRow)
        .where(col(EventRow.connection) == connection)
        .order_by(col(EventRow.received_at).desc(), col(EventRow.id).desc())
        .limit(1)
    ).scalar()
    return row


def count_by_state(session: Session, connection: str) -> dict[str, int]:
    """Count the deliveries of a connection by state; states without any are absent."""
    query = (
        select(col(DeliveryRow.state), func.count())
        .where(col(DeliveryRow.connection) == connection)
        .group_by(col(DeliveryRow.state))
    )
    return {state: int(count) for state, count in session.execute(query)}


def count_unreadable(session: Session, connection: str) -> int:
    """Count the webhooks that the plugin could not read."""
    query = select(func.count()).where(col(RawRequest.connection) == connection, col(RawRequest.state) == DEAD_STATE)
    return int(session.execute(query).scalar_one())


def is_scope_of(scope: str, connection: str) -> bool:
    """Whether a scope is the connection, or one of its queues."""
    return scope == pauses.connection_scope(connection) or scope.startswith(pauses.queue_scope(connection, ""))


def describe_age(age: timedelta) -> str:
    """A duration in its largest unit: ``3 days``, ``1 minute``."""
    seconds = max(0, int(age.total_seconds()))
    length, unit = next((unit for unit in TIME_UNITS if seconds >= unit[0]), TIME_UNITS[-1])
    number = seconds // length
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _warn(text: str, fix: str) -> Finding:
    return Finding(severity="warning", text=text, fix=fix)


def _event_findings(ctx: Context, session: Session, connection: str) -> Iterator[Finding]:
    source = ctx.connections[connection].settings.events
    if source == "none":
        return
    last = load_last_event(session, connection)
    if last is None:
        fix = {
            "webhook": f"make sure that the vendor calls {ctx.settings.core.url}/hooks/{connection}",
            "poll": "events are fetched while `nps-connect run` is running",
        }
        yield _warn("no event received yet", fix[source])
        return
    age = ctx.clock() - last.received_at
    text = f"last event: {last.kind}, {describe_age(age)} ago, by {last.source}"
    if age > MAX_SILENCE:
        yield _warn(text, "make sure that the vendor still sends events and that `nps-connect run` is running")
    else:
        yield Finding(severity="ok", text=text)


def _refused_webhook_findings(ctx: Context, session: Session, connection: str) -> Iterator[Finding]:
    since = (ctx.clock() - LOOKBACK_PERIOD).date()
    refused = session.execute(
        select(col(CounterRow.name), func.sum(col(CounterRow.count)))
        .where(col(CounterRow.connection) == connection, col(CounterRow.day) >= since)
        .where(col(CounterRow.name).like("webhook_%"))
        .group_by(col(CounterRow.name))
        .order_by(col(CounterRow.name))
    ).all()
    if refused:
        counts = ", ".join(f"{count} for {name.removeprefix('webhook_')}" for name, count in refused)
        yield _warn(
            f"webhooks refused in the last {LOOKBACK_PERIOD.days} days: {counts}",
            "check secret, public_url and the clock of this machine; requests of unknown senders are counted too",
        )


def _unreadable_webhook_findings(session: Session, connection: str) -> Iterator[Finding]:
    count = count_unreadable(session, connection)
    if not count:
        return
    last_error = session.execute(
        select(col(RawRequest.last_error))
        .where(col(RawRequest.connection) == connection, col(RawRequest.state) == DEAD_STATE)
        .order_by(col(RawRequest.id).desc())
        .limit(1)
    ).scalar()
    yield _warn(
        f"unreadable webhooks: {count}; the last because {last_error}",
        f"they are kept; fix the cause, then run: nps-connect events replay --raw --connection {connection}",
    )


def _pause_findings(ctx: Context, session: Session, connection: str) -> Iterator[Finding]:
    is_channel = ctx.connector_info(connection).channel
    for scope, row in sorted(pauses.load_pauses(session).items()):
        concerns_all = scope == pauses.DATABASE_SCOPE or (is_channel and scope == pauses.MAIL_SCOPE)
        if not is_scope_of(scope, connection) and not concerns_all:
            continue
        text = f"{scope} is paused since {row.since:%Y-%m-%d %H:%M} UTC: {row.reason}"
        if row.cause == "operator":
            yield _warn(text, f"nps-connect resume {scope}")
        elif scope == pauses.DATABASE_SCOPE:
            yield Finding(severity="error", text=text, fix="say what this database is, with one of these commands")
        elif row.cause == "bounces":
            fix = f"nps-connect bounces list; then: nps-connect bounces confirm|undo {connection}"
            yield Finding(severity="error", text=text, fix=fix)
        else:
            fix = f"fix the cause and check again: a passing check resumes it; or run: nps-connect resume {scope}"
            yield Finding(severity="error", text=text, fix=fix)


def _quota_findings(ctx: Context, session: Session, connection: str) -> Iterator[Finding]:
    now = ctx.clock()
    exhausted = select(QuotaRow).where(col(QuotaRow.connection) == connection, col(QuotaRow.paused_until) > now)
    for quota in session.execute(exhausted).scalars():
        text = f"vendor quota {quota.name} used up, calls wait until {quota.paused_until:%Y-%m-%d %H:%M:%S} UTC"
        yield _warn(text, "no action needed; a smaller share of the quota prevents it")
    open_breakers = select(BreakerRow).where(col(BreakerRow.open_until) > now).order_by(col(BreakerRow.scope))
    for breaker in session.execute(open_breakers).scalars():
        if is_scope_of(breaker.scope, connection):
            text = f"circuit breaker of {breaker.scope} is open after {breaker.failures} failures: {breaker.reason}"
            yield _warn(text, "no action needed; it is retried automatically")


def _delivery_findings(ctx: Context, session: Session, connection: str) -> Iterator[Finding]:
    count = count_by_state(session, connection)
    for state, meaning in (("dead", "not retried"), ("held", "waiting for you or for another delivery")):
        if count.get(state):
            fix = f"nps-connect deliveries list --state {state} --connection {connection}"
            yield _warn(f"deliveries {state} ({meaning}): {count[state]}", fix)
    if count.get("pending"):
        yield Finding(severity="ok", text=f"deliveries pending: {count['pending']}")
    skipped = session.execute(
        select(col(DeliveryRow.action), func.count())
        .where(col(DeliveryRow.connection) == connection, col(DeliveryRow.state) == "skipped")
        .where(col(DeliveryRow.finished_at) >= ctx.clock() - LOOKBACK_PERIOD)
        .group_by(col(DeliveryRow.action))
        .order_by(col(DeliveryRow.action))
    ).all()
    for action, number in skipped:
        yield Finding(
            severity="ok",
            text=f"{action} skipped in {LOOKBACK_PERIOD.days} days, mostly contacts missing at the vendor: {number}",
            fix=f"nps-connect deliveries list --state skipped --connection {connection}",
        )
