"""Pacing: a channel without an HTTP client keeps to its own rate, shared by all workers through the ledger."""

from __future__ import annotations

from nps_connect.errors import RateLimited
from nps_connect.flows.context import Context
from nps_connect.ledger import quotas
from nps_connect.ledger.quotas import LedgerGate


def paced(ctx: Context, connection: str) -> bool:
    """Take one call of a connection's own rate, waiting a moment where that is enough.

    Returns:
        False when the connection must rest: nothing was taken, and its lanes know until when.
    """
    own = ctx.connections[connection]
    if own.client is not None:
        return True  # the client counts its calls itself
    info = ctx.info_of(connection)
    for quota in info.quotas_for(own.settings) if info.quotas_for else info.quotas:
        try:
            wait = LedgerGate(ctx.ledger, ctx.clock).before(connection, quota)
        except RateLimited as error:
            with ctx.ledger.write() as session:
                quotas.rest(session, connection, error.quota, until=error.until or ctx.clock())
            return False
        if wait:
            own.sleep(wait)
    return True
