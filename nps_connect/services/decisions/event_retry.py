"""What becomes of intake work that failed: a later try, or dead and visible."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from nps_connect.errors import AuthFailed, DeliveryError, NotAllowed, RateLimited, RetryLater
from nps_connect.ledger import claims
from nps_connect.ledger.columns import QueuedRow
from nps_connect.rules.retry_plan import INTAKE_PLAN, next_attempt_at
from nps_connect.services.context import Context

CREDENTIALS_RETRY_INTERVAL = timedelta(minutes=5)
"""How often a refused look-up is tried again while the operator mends the credentials."""


def error_summary(ctx: Context, error: BaseException) -> str:
    """One redacted sentence about any error."""
    told = error.message if isinstance(error, DeliveryError) else f"{type(error).__name__}: {error}"
    return ctx.redact(told)[:1000]


def schedule_retries(ctx: Context, table: type[QueuedRow], rows: Sequence[Any], token: str, error: Exception) -> None:
    """Settle claimed intake rows after a failure; each row follows its own retry plan."""
    with ctx.ledger.write() as session:
        for row in rows:
            claims.settle(session, table, row.id, token=token, values=retry_values(ctx, row.attempts, error))


def retry_values(ctx: Context, attempts: int, error: Exception) -> dict[str, Any]:
    """What becomes of intake work that failed after so many tries.

    401 and 403 wait for the operator without using up tries: events are not lost to a token that ran out.
    """
    now = ctx.clock()
    values: dict[str, Any] = {"last_error": error_summary(ctx, error), "state": "pending", "started_at": None}
    if isinstance(error, RateLimited):
        return {**values, "due_at": error.until or now + timedelta(seconds=10)}
    if isinstance(error, AuthFailed | NotAllowed):
        return {**values, "due_at": now + CREDENTIALS_RETRY_INTERVAL}
    after = error.after if isinstance(error, RetryLater) else None
    due = next_attempt_at(INTAKE_PLAN, attempts + 1, now, now, ctx.random.random(), after)
    return {**values, "attempts": attempts + 1, **({"due_at": due} if due else {"state": "dead"})}
