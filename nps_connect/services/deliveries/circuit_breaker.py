"""What keeps a queue from its vendor: pauses, the rate of a channel, and the health of vendor and plugin."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session

from nps_connect.errors import (
    AuthFailed,
    DeliveryError,
    NotAllowed,
    OutcomeUnknown,
    PluginError,
    RateLimited,
    RetryLater,
    SetupMissing,
)
from nps_connect.ledger import pauses, quotas
from nps_connect.ledger.columns import delivery_queue
from nps_connect.ledger.quotas import LedgerRateLimiter
from nps_connect.records.finding_kinds import pause_kind
from nps_connect.services.action_spec import ActionSpec
from nps_connect.services.context import Context

log = logging.getLogger(__name__)

MAX_CONTRACT_BREACHES = 3
"""Consecutive calls that break the plugin's contract before its queue is paused."""

DEFAULT_QUOTA_PAUSE = timedelta(seconds=10)

MAX_HANGS = 2
"""Consecutive threads that were abandoned in a queue before it is paused."""


def pause_scopes(connection: str, spec: ActionSpec) -> tuple[str, ...]:
    """Return the pause scopes each of which stops the queue."""
    scopes = (pauses.DATABASE_SCOPE, pauses.connection_scope(connection), pauses.queue_scope(connection, spec.action))
    return (*scopes, pauses.MAIL_SCOPE) if spec.customer_facing else scopes


def acquire_channel_rate(ctx: Context, connection: str) -> bool:
    """Take one call of the rate of a channel without an HTTP client, which all workers share through the ledger.

    Waits for it if the wait is short.

    Returns:
        False if the connection must pause: nothing was taken, and the pause of its quota is recorded.
    """
    channel = ctx.connections[connection]
    if channel.client is not None:
        return True  # the client counts its calls itself
    info = ctx.connector_info(connection)
    for quota in info.quotas_for(channel.settings) if info.quotas_for else info.quotas:
        try:
            wait = LedgerRateLimiter(ctx.ledger, ctx.clock).acquire(connection, quota)
        except RateLimited as error:
            with ctx.ledger.write() as session:
                quotas.pause_quota(session, connection, error.quota, until=error.until or ctx.clock())
            return False
        if wait:
            channel.sleep(wait)
    return True


def record_outcomes(
    ctx: Context, session: Session, connection: str, action: str, outcomes: Sequence[object], *, probe: bool
) -> bool:
    """Record what one call says about the health of vendor and plugin; return whether the queue may go on.

    Errors of another connection (contacts are looked up at their own) say nothing about this one.

    Args:
        ctx: the application context.
        session: the transaction that settles the outcomes.
        connection: the connection that was called, for the action or to look contacts up.
        action: the action.
        outcomes: of the call; what is no error is an answer.
        probe: it was the one call that goes first while the circuit breaker is open.
    """
    breach: PluginError | None = None
    unavailable: list[RetryLater | OutcomeUnknown] = []
    relevant = 0
    for outcome in outcomes:
        if getattr(outcome, "connection", None) not in (None, connection):
            continue
        relevant += 1
        if isinstance(outcome, PluginError):
            breach = breach or outcome
        elif isinstance(outcome, RetryLater | OutcomeUnknown) and not isinstance(outcome, RateLimited):
            unavailable.append(outcome)
    failing = pauses.load_failing_scopes(session) if relevant else set()
    scope, queue_name = pauses.connection_scope(connection), pauses.queue_scope(connection, action)
    if breach is not None:
        return not _pause_after(ctx, session, queue_name, MAX_CONTRACT_BREACHES, ctx.redact(str(breach)))
    if queue_name in failing:
        pauses.record_success(session, queue_name)
    if not unavailable or len(unavailable) < relevant:
        if scope in failing and pauses.record_success(session, scope):
            log.info("circuit_breaker_closed connection=%s", connection)
        return True
    reason = ctx.redact(unavailable[0].message)
    failures = pauses.record_failure(session, scope, reason=reason, now=ctx.clock(), probe=probe)
    if failures == pauses.FAILURE_THRESHOLD:
        log.error('circuit_breaker_opened connection=%s reason="%s" finding=circuit-open', connection, reason)
    return failures < pauses.FAILURE_THRESHOLD


def record_hang(ctx: Context, queue_name: str) -> None:
    """Record that a thread was abandoned in a queue; pause the queue when it happens again."""
    connection, _, action = queue_name.partition("/")
    if connection not in ctx.connections:
        return
    with ctx.ledger.write() as session:
        reason = f"the plugin did not return within {ctx.settings.delivery.deadline}"
        _pause_after(ctx, session, pauses.queue_scope(connection, action), MAX_HANGS, reason)


def pause_after_refusal(
    ctx: Context, session: Session, connection: str, spec: ActionSpec, error: DeliveryError, now: datetime
) -> None:
    """A 429 pauses the quota, a 401 the connection, a 403 the action; logged once per pause.

    A 403 where contacts were only looked up pauses that connection: without its contacts it is of no use to any action.
    """
    called = error.connection or connection
    if isinstance(error, RateLimited):
        quotas.pause_quota(session, called, error.quota, until=error.until or now + DEFAULT_QUOTA_PAUSE)
        return
    cause: pauses.PauseCause = "auth"
    scope, missing = pauses.connection_scope(called), ""
    if isinstance(error, NotAllowed):
        scope = pauses.queue_scope(called, spec.action) if called == connection else scope
        cause = "setup" if isinstance(error, SetupMissing) else "not_allowed"
        missing = f" (missing: {error.scope})" if error.scope else ""
    elif not isinstance(error, AuthFailed):
        return
    reason = ctx.redact(error.message)[:1000] + missing
    if pauses.pause(session, scope, cause=cause, reason=reason, now=now):
        text = 'scope_paused scope=%s cause=%s reason="%s" finding=%s; fix it, then: nps-connect connections check %s'
        log.error(text, scope, cause, reason, pause_kind(cause, scope), called)


def resume_after_check(ctx: Context, connection: str) -> list[str]:
    """End the pauses after a 401 or 403 of a connection whose check found no error; return their scopes."""
    with ctx.ledger.write() as session:
        scopes = credential_pauses(session, connection)
        for scope in scopes:
            pauses.resume(session, scope)
    for action in ctx.connector_info(connection).actions if scopes else ():
        ctx.wake(delivery_queue(connection, action.action))
    if scopes:
        log.warning("connection_resumed connection=%s", connection)
    return scopes


def credential_pauses(session: Session, connection: str) -> list[str]:
    """Return the scopes of a connection that a 401 or 403 has paused."""
    return [
        scope
        for scope, pause in pauses.load_pauses(session).items()
        if pause.cause in pauses.CREDENTIAL_CAUSES
        and (scope == pauses.connection_scope(connection) or scope.startswith(pauses.queue_scope(connection, "")))
    ]


def _pause_after(ctx: Context, session: Session, scope: str, threshold: int, reason: str) -> bool:
    """Count a failure of a queue; pause it at the threshold. Returns whether it is paused."""
    if pauses.record_failure(session, scope, reason=reason, now=ctx.clock()) < threshold:
        return False
    pauses.record_success(session, scope)
    if pauses.pause(session, scope, cause="plugin", reason=reason, now=ctx.clock()):
        log.error(
            'scope_paused scope=%s cause=plugin reason="%s" finding=plugin-broken; '
            "fix the plugin, then: nps-connect resume %s",
            scope,
            reason,
            scope,
        )
    return True
