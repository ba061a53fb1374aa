"""Health of connections: a vendor that is down rests, a plugin that breaks its contract is stopped, both come back."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sqlmodel import Session

from nps_connect.errors import DeliveryError, OutcomeUnknown, PluginError, RateLimited, RetryLater
from nps_connect.ledger import circuit_breakers, pauses
from nps_connect.services.context import Context

log = logging.getLogger(__name__)

MAX_CONTRACT_BREACHES = 3
"""Answers in a row that break the plugin's contract, after which its queue is stopped."""

MAX_HANGS = 2
"""Times in a row that a thread had to be given up, after which its queue is stopped."""


def record_outcomes(
    ctx: Context, session: Session, connection: str, action: str, outcomes: Sequence[object], *, probe: bool
) -> bool:
    """Learn from the outcomes of one call of vendor and plugin; false when they are to rest.

    What was asked of another connection (people are looked up at theirs) says nothing about this one.

    Args:
        ctx: the joined parts.
        session: the transaction that settles them.
        connection: who was called.
        action: for what.
        outcomes: receipts and errors.
        probe: it was the one call that goes first while the circuit breaker is open.
    """
    own = [
        one
        for one in outcomes
        if not isinstance(one, DeliveryError) or one.connection is None or one.connection == connection
    ]
    if not own:
        return True
    counted = circuit_breakers.load_failing_scopes(session)
    scope, queue_name = pauses.connection_scope(connection), pauses.queue_scope(connection, action)
    breach = next((one for one in own if isinstance(one, PluginError)), None)
    if breach is not None:
        return not _pause_after(ctx, session, queue_name, MAX_CONTRACT_BREACHES, ctx.redact(str(breach)))
    if queue_name in counted:
        circuit_breakers.record_success(session, queue_name)
    down = [one for one in own if isinstance(one, RetryLater | OutcomeUnknown) and not isinstance(one, RateLimited)]
    if len(down) < len(own):
        if scope in counted and circuit_breakers.record_success(session, scope):
            log.info("the vendor answers again connection=%s", connection)
        return True
    reason = ctx.redact(down[0].message)
    failures = circuit_breakers.record_failure(session, scope, reason=reason, now=ctx.clock(), probe=probe)
    if failures == circuit_breakers.FAILURE_THRESHOLD:
        log.error("the vendor is left alone for a while connection=%s: %s", connection, reason)
    return failures < circuit_breakers.FAILURE_THRESHOLD


def record_hang(ctx: Context, queue_name: str) -> None:
    """A thread was given up in a queue; after repeats the queue is stopped."""
    connection, _, action = queue_name.partition("/")
    if connection not in ctx.connections:
        return
    with ctx.ledger.write() as session:
        told = f"the plugin gave no answer within {ctx.settings.delivery.deadline}"
        _pause_after(ctx, session, pauses.queue_scope(connection, action), MAX_HANGS, told)


def resume_if_healthy(ctx: Context, connection: str) -> list[str]:
    """Ask the plugin whether the connection works; if so, end what a 401 or 403 had stopped.

    Returns:
        The scopes that go on; none if nothing was stopped, the plugin cannot check, or it still finds an error.
    """
    if not ctx.has(connection, "nps_check"):
        return []
    try:
        findings = ctx.plugins.call(ctx.plugin_name(connection), "nps_check", connection=ctx.connections[connection])
    except Exception as error:  # noqa: BLE001  # whatever it is, the connection is not well
        log.info("still not well connection=%s: %s", connection, type(error).__name__)
        return []
    if any(finding.severity == "error" for finding in findings):
        return []
    return resume_after_check(ctx, connection)


def resume_after_check(ctx: Context, connection: str) -> list[str]:
    """End what a 401 or 403 of this connection had stopped, after a check that found no error."""
    with ctx.ledger.write() as session:
        scopes = [
            scope
            for scope, row in pauses.load_pauses(session).items()
            if row.cause in ("auth", "not_allowed")
            and (scope == pauses.connection_scope(connection) or scope.startswith(pauses.queue_scope(connection, "")))
        ]
        for scope in scopes:
            pauses.resume(session, scope)
    for action in ctx.connector_info(connection).actions if scopes else ():
        ctx.wake(f"{connection}/{action.action}")
    if scopes:
        log.warning("the connection passes its check and goes on connection=%s", connection)
    return scopes


def resume_healthy_connections(ctx: Context) -> int:
    """Check every connection that a 401 or 403 has stopped; returns how many go on."""
    with ctx.ledger.read() as session:
        stopped = {scope for scope, row in pauses.load_pauses(session).items() if row.cause in ("auth", "not_allowed")}
    names = {scope.partition(":")[2].partition("/")[0] for scope in stopped}
    return sum(bool(resume_if_healthy(ctx, name)) for name in sorted(names & ctx.connections.keys()))


def _pause_after(ctx: Context, session: Session, queue_name: str, times: int, reason: str) -> bool:
    if circuit_breakers.record_failure(session, queue_name, reason=reason, now=ctx.clock()) < times:
        return False
    circuit_breakers.record_success(session, queue_name)
    if pauses.pause(session, queue_name, cause="plugin", reason=reason, now=ctx.clock()):
        log.error("stopped %s: %s; mend the plugin, then run: nps-connect resume %s", queue_name, reason, queue_name)
    return True
