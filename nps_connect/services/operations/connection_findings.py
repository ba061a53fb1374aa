"""How a connection stands by the ledger alone: what came in, what is stopped, what waits or failed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import ColumnElement, func, literal_column, select
from sqlmodel import Session, col

from nps_connect.ledger import pauses
from nps_connect.ledger.operational_tables import BreakerRow, CounterRow, QuotaRow
from nps_connect.ledger.tables import DeliveryRow, EventRow, RawRequest
from nps_connect.records.findings import Finding
from nps_connect.services.context import Context

MAX_SILENCE = timedelta(days=7)
LOOKBACK_PERIOD = timedelta(days=30)
"""How far back skipped deliveries and refused webhooks are counted."""

DEAD_STATE: ColumnElement[str] = literal_column("'dead'")
"""No parameter, so that the partial index of unreadable requests serves the query."""

TIME_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def ledger_findings(ctx: Context, connection: str) -> list[Finding]:
    """The core's own findings on a connection."""
    with ctx.ledger.read() as session:
        return [
            *_event_findings(ctx, session, connection),
            *_refused_webhook_findings(ctx, session, connection),
            *_pause_findings(ctx, session, connection),
            *_delivery_findings(ctx, session, connection),
        ]


def load_last_event(session: Session, connection: str) -> EventRow | None:
    """The event that came in last, or none."""
    row: EventRow | None = session.execute(
        select(EventRow)
        .where(col(EventRow.connection) == connection)
        .order_by(col(EventRow.received_at).desc(), col(EventRow.id).desc())
        .limit(1)
    ).scalar()
    return row


def count_by_state(session: Session, connection: str) -> dict[str, int]:
    """How many deliveries of a connection are in each state; states without any are absent."""
    query = (
        select(col(DeliveryRow.state), func.count())
        .where(col(DeliveryRow.connection) == connection)
        .group_by(col(DeliveryRow.state))
    )
    return {state: int(number) for state, number in session.execute(query)}


def _event_findings(ctx: Context, session: Session, connection: str) -> Iterator[Finding]:
    way = ctx.connections[connection].settings.events
    if way == "none":
        return
    last = load_last_event(session, connection)
    if last is None:
        hint = {
            "webhook": f"see that the vendor calls {ctx.settings.core.url}/hooks/{connection}",
            "poll": "events are fetched while `nps-connect run` is running",
        }
        yield Finding(severity="warning", text="no event has come in yet", fix=hint[way])
        return
    age = ctx.clock() - last.received_at
    text = f"last event: {last.kind}, {describe_age(age)} ago, by {last.source}"
    if age > MAX_SILENCE:
        yield Finding(severity="warning", text=text, fix="see that the vendor still sends events, or that `run` runs")
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
        listed = ", ".join(f"{number} for {name.removeprefix('webhook_')}" for name, number in refused)
        yield Finding(
            severity="warning",
            text=f"webhooks refused in the last {LOOKBACK_PERIOD.days} days: {listed}",
            fix="see that secret, public_url and this machine's clock are right; strangers are refused too",
        )
    unread = session.execute(
        select(RawRequest)
        .where(col(RawRequest.connection) == connection, col(RawRequest.state) == DEAD_STATE)
        .order_by(col(RawRequest.id).desc())
        .limit(1)
    ).scalar()
    if unread is not None:
        number = session.execute(
            select(func.count())
            .select_from(RawRequest)
            .where(col(RawRequest.connection) == connection, col(RawRequest.state) == DEAD_STATE)
        ).scalar_one()
        yield Finding(
            severity="warning",
            text=f"webhooks taken but not understood: {number}; the last, because {unread.last_error}",
            fix="they are kept; the reason tells what to mend",
        )


def _pause_findings(ctx: Context, session: Session, connection: str) -> Iterator[Finding]:
    channel = ctx.connector_info(connection).channel
    for scope, row in sorted(pauses.load_pauses(session).items()):
        if not is_scope_of(scope, connection) and not (channel and scope == pauses.MAIL_SCOPE):
            continue
        text = f"{scope} is stopped since {row.since:%Y-%m-%d %H:%M} UTC: {row.reason}"
        if row.cause == "operator":
            yield Finding(severity="warning", text=text, fix=f"nps-connect resume {scope}")
        else:
            fix = f"mend it and check again, which lets it go on; or run: nps-connect resume {scope}"
            yield Finding(severity="error", text=text, fix=fix)
    now = ctx.clock()
    resting = select(QuotaRow).where(col(QuotaRow.connection) == connection, col(QuotaRow.paused_until) > now)
    for quota in session.execute(resting).scalars():
        text = (
            f"the vendor's quota {quota.name} is used up, calls wait until {quota.paused_until:%Y-%m-%d %H:%M:%S} UTC"
        )
        yield Finding(severity="warning", text=text, fix="nothing to do; a smaller share of the quota prevents it")
    open_now = select(BreakerRow).where(col(BreakerRow.open_until) > now).order_by(col(BreakerRow.scope))
    for breaker in session.execute(open_now).scalars():
        if is_scope_of(breaker.scope, connection):
            text = f"{breaker.scope} failed {breaker.failures} times in a row and is left alone for a while"
            yield Finding(severity="warning", text=f"{text}: {breaker.reason}", fix="it is tried again by itself")


def _delivery_findings(ctx: Context, session: Session, connection: str) -> Iterator[Finding]:
    number = count_by_state(session, connection)
    for state, meaning in (("dead", "given up"), ("held", "waiting for you, or for another delivery")):
        if number.get(state):
            yield Finding(
                severity="warning",
                text=f"deliveries {state} ({meaning}): {number[state]}",
                fix=f"nps-connect deliveries list --state {state} --connection {connection}",
            )
    if number.get("pending"):
        yield Finding(severity="ok", text=f"deliveries that wait for their time: {number['pending']}")
    skipped = session.execute(
        select(col(DeliveryRow.action), func.count())
        .where(col(DeliveryRow.connection) == connection, col(DeliveryRow.state) == "skipped")
        .where(col(DeliveryRow.finished_at) >= ctx.clock() - LOOKBACK_PERIOD)
        .group_by(col(DeliveryRow.action))
        .order_by(col(DeliveryRow.action))
    ).all()
    for action, count in skipped:
        text = (
            f"{action} skipped in the last {LOOKBACK_PERIOD.days} days, mostly for people whom the vendor does not have"
        )
        fix = f"nps-connect deliveries list --state skipped --connection {connection}"
        yield Finding(severity="ok", text=f"{text}: {count}", fix=fix)


def is_scope_of(scope: str, connection: str) -> bool:
    """Whether a scope is the connection, or one of its queues."""
    return scope == pauses.connection_scope(connection) or scope.startswith(pauses.queue_scope(connection, ""))


def describe_age(age: timedelta) -> str:
    """A span of time in its largest unit: ``3 days``, ``1 minute``."""
    seconds = max(0, int(age.total_seconds()))
    length, unit = next((unit for unit in TIME_UNITS if seconds >= unit[0]), TIME_UNITS[-1])
    number = seconds // length
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
