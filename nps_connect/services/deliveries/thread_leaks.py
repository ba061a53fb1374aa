"""Leaking: a plugin that starts threads and never ends them is named, and its queue is stopped."""

from __future__ import annotations

import logging

from nps_connect.ledger import pauses
from nps_connect.services.context import Context

log = logging.getLogger(__name__)


def pause_leaking_queue(ctx: Context, queue_name: str, threads: int) -> None:
    """Stop a queue whose plugin leaves threads behind; what is due waits.

    Args:
        ctx: the joined parts.
        queue: in which it was seen.
        threads: how many of them live.
    """
    connection, _, action = queue_name.partition("/")
    if connection not in ctx.connections:
        log.error("%d threads were started and never ended queue=%s", threads, queue_name)
        return
    scope = pauses.queue_scope(connection, action)
    reason = f"the plugin {ctx.plugin_name(connection)} starts threads and never ends them: {threads} live"
    with ctx.ledger.write() as session:
        pauses.pause(session, scope, cause="plugin", reason=reason, now=ctx.clock())
    log.error("stopped %s: %s; mend the plugin, restart, then run: nps-connect resume %s", scope, reason, scope)
