"""Health of connections: a vendor that is down rests, a plugin that breaks its contract is stopped, both come back."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sqlmodel import Session

from nps_connect.errors import DeliveryError, Doubtful, PluginError, RateLimited, RetryLater
from nps_connect.flows.context import Context
from nps_connect.ledger import breakers, pauses

log = logging.getLogger(__name__)

BREACHES = 3
"""Answers in a row that break the plugin's contract, after which its lane is stopped."""

HANGS = 2
"""Times in a row that a thread had to be given up, after which its lane is stopped."""


def note(
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
    counted = breakers.counted(session)
    scope, lane = pauses.of_connection(connection), pauses.of_lane(connection, action)
    breach = next((one for one in own if isinstance(one, PluginError)), None)
    if breach is not None:
        return not _stop_after(ctx, session, lane, BREACHES, ctx.redact(str(breach)))
    if lane in counted:
        breakers.worked(session, lane)
    down = [one for one in own if isinstance(one, RetryLater | Doubtful) and not isinstance(one, RateLimited)]
    if len(down) < len(own):
        if scope in counted and breakers.worked(session, scope):
            log.info("the vendor answers again connection=%s", connection)
        return True
    reason = ctx.redact(down[0].message)
    failures = breakers.failed(session, scope, reason=reason, now=ctx.clock(), probe=probe)
    if failures == breakers.FAILURES:
        log.error("the vendor is left alone for a while connection=%s: %s", connection, reason)
    return failures < breakers.FAILURES


def hung(ctx: Context, lane: str) -> None:
    """A thread was given up in a lane; after repeats the lane is stopped."""
    connection, _, action = lane.partition("/")
    if connection not in ctx.connections:
        return
    with ctx.ledger.write() as session:
        told = f"the plugin gave no answer within {ctx.settings.delivery.deadline}"
        _stop_after(ctx, session, pauses.of_lane(connection, action), HANGS, told)


def resume_if_healthy(ctx: Context, connection: str) -> list[str]:
    """Ask the plugin whether the connection works; if so, end what a 401 or 403 had stopped.

    Returns:
        The scopes that go on; none if nothing was stopped, the plugin cannot check, or it still finds an error.
    """
    if not ctx.has(connection, "nps_check"):
        return []
    try:
        findings = ctx.plugins.call(ctx.plugin_of(connection), "nps_check", connection=ctx.connections[connection])
    except Exception as error:  # noqa: BLE001  # whatever it is, the connection is not well
        log.info("still not well connection=%s: %s", connection, type(error).__name__)
        return []
    if any(finding.severity == "error" for finding in findings):
        return []
    return resume_stopped(ctx, connection)


def resume_stopped(ctx: Context, connection: str) -> list[str]:
    """End what a 401 or 403 of this connection had stopped, after a check that found no error."""
    with ctx.ledger.write() as session:
        scopes = [
            scope
            for scope, row in pauses.current(session).items()
            if row.cause in ("auth", "not_allowed")
            and (scope == pauses.of_connection(connection) or scope.startswith(pauses.of_lane(connection, "")))
        ]
        for scope in scopes:
            pauses.resume(session, scope)
    for action in ctx.info_of(connection).actions if scopes else ():
        ctx.wake(f"{connection}/{action.action}")
    if scopes:
        log.warning("the connection passes its check and goes on connection=%s", connection)
    return scopes


def resume_all(ctx: Context) -> int:
    """Check every connection that a 401 or 403 has stopped; returns how many go on."""
    with ctx.ledger.read() as session:
        stopped = {scope for scope, row in pauses.current(session).items() if row.cause in ("auth", "not_allowed")}
    names = {scope.partition(":")[2].partition("/")[0] for scope in stopped}
    return sum(bool(resume_if_healthy(ctx, name)) for name in sorted(names & ctx.connections.keys()))


def _stop_after(ctx: Context, session: Session, lane: str, times: int, reason: str) -> bool:
    if breakers.failed(session, lane, reason=reason, now=ctx.clock()) < times:
        return False
    breakers.worked(session, lane)
    if pauses.pause(session, lane, cause="plugin", reason=reason, now=ctx.clock()):
        log.error("stopped %s: %s; mend the plugin, then run: nps-connect resume %s", lane, reason, lane)
    return True
