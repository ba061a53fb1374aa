"""Pacing: a channel without an HTTP client keeps to its own rate, shared by all workers through the ledger."""

from __future__ import annotations

from nps_connect.errors import RateLimited
from nps_connect.ledger import quotas
from nps_connect.ledger.quotas import LedgerRateLimiter
from nps_connect.services.context import Context


def acquire_channel_rate(ctx: Context, connection: str) -> bool:
    """Take one call of a connection's own rate, waiting a moment where that is enough.

    Returns:
        False when the connection must rest: nothing was taken, and its queues know until when.
    """
    own = ctx.connections[connection]
    if own.client is not None:
        return True  # the client counts its calls itself
    info = ctx.connector_info(connection)
    for quota in info.quotas_for(own.settings) if info.quotas_for else info.quotas:
        try:
            wait = LedgerRateLimiter(ctx.ledger, ctx.clock).acquire(connection, quota)
        except RateLimited as error:
            with ctx.ledger.write() as session:
                quotas.pause_quota(session, connection, error.quota, until=error.until or ctx.clock())
            return False
        if wait:
            own.sleep(wait)
    return True
