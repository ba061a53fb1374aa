"""What becomes of intake work that failed: a later try, or dead and visible."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from nps_connect.errors import AuthFailed, DeliveryError, NotAllowed, RateLimited, RetryLater
from nps_connect.flows.context import Context
from nps_connect.ledger import claims
from nps_connect.ledger.columns import Work
from nps_connect.rules.retrying import INTAKE_PLAN, next_try

PATIENCE = timedelta(minutes=5)
"""How often a refused look-up is tried again while the operator mends the credentials."""


def sentence(ctx: Context, error: BaseException) -> str:
    """One redacted sentence about any error."""
    told = error.message if isinstance(error, DeliveryError) else f"{type(error).__name__}: {error}"
    return ctx.redact(told)[:1000]


def postpone(ctx: Context, table: type[Work], rows: Sequence[Any], token: str, error: Exception) -> None:
    """Settle claimed intake rows after a failure; each row follows its own retry plan."""
    with ctx.ledger.write() as session:
        for row in rows:
            claims.settle(session, table, row.id, token=token, values=postponed(ctx, row.attempts, error))


def postponed(ctx: Context, attempts: int, error: Exception) -> dict[str, Any]:
    """What becomes of intake work that failed after so many tries.

    401 and 403 wait for the operator without using up tries: events are not lost to a token that ran out.
    """
    now = ctx.clock()
    values: dict[str, Any] = {"last_error": sentence(ctx, error), "state": "pending", "started_at": None}
    if isinstance(error, RateLimited):
        return {**values, "due_at": error.until or now + timedelta(seconds=10)}
    if isinstance(error, AuthFailed | NotAllowed):
        return {**values, "due_at": now + PATIENCE}
    after = error.after if isinstance(error, RetryLater) else None
    due = next_try(INTAKE_PLAN, attempts + 1, now, now, ctx.random.random(), after)
    return {**values, "attempts": attempts + 1, **({"due_at": due} if due else {"state": "dead"})}
