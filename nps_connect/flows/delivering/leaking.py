"""Leaking: a plugin that starts threads and never ends them is named, and its lane is stopped."""

from __future__ import annotations

import logging

from nps_connect.flows.context import Context
from nps_connect.ledger import pauses

log = logging.getLogger(__name__)


def stop_leak(ctx: Context, lane: str, threads: int) -> None:
    """Stop a lane whose plugin leaves threads behind; what is due waits.

    Args:
        ctx: the joined parts.
        lane: in which it was seen.
        threads: how many of them live.
    """
    connection, _, action = lane.partition("/")
    if connection not in ctx.connections:
        log.error("%d threads were started and never ended lane=%s", threads, lane)
        return
    scope = pauses.of_lane(connection, action)
    reason = f"the plugin {ctx.plugin_of(connection)} starts threads and never ends them: {threads} live"
    with ctx.ledger.write() as session:
        pauses.pause(session, scope, cause="plugin", reason=reason, now=ctx.clock())
    log.error("stopped %s: %s; mend the plugin, restart, then run: nps-connect resume %s", scope, reason, scope)
