"""Claim stored events, and schedule retries of intake work."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, Text, cast, func, select
from sqlmodel import Session, col

from nps_connect.errors import AuthFailed, DeliveryError, NotAllowed, RateLimited, RetryLater
from nps_connect.ledger import claims
from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.columns import QueuedRow, decide_queue
from nps_connect.ledger.tables import EventRow
from nps_connect.records.events import Event
from nps_connect.rules.retry_plan import INTAKE_PLAN, next_attempt_at
from nps_connect.services.context import Context
from nps_connect.services.decisions.trigger_evaluator import StoredEvent

log = logging.getLogger(__name__)

CREDENTIALS_RETRY_INTERVAL = timedelta(minutes=5)
"""Interval between tries while the vendor refuses the credentials."""

RATE_LIMIT_RETRY_INTERVAL = timedelta(seconds=10)
"""Delay after a rate limit whose end the vendor does not state."""


_SELECT_CLAIMED: Select[*tuple[Any, ...]] = (
    select(
        col(EventRow.id),
        col(EventRow.connection),
        func.coalesce(col(EventRow.replayed_at), col(EventRow.received_at)),
        col(EventRow.attempts),
        cast(col(EventRow.record), Text),
    )
    .where(in_list(col(EventRow.id), "ids"))
    .order_by(col(EventRow.due_at), col(EventRow.id))
)


def claim_events(ctx: Context, connection: str, token: str, limit: int) -> list[StoredEvent]:
    """Claim events of one connection, oldest due first. An event with a damaged record goes dead without the others."""
    claimed = []
    with ctx.ledger.write() as session:
        ids = claims.claim_ids(session, EventRow, decide_queue(connection), token=token, now=ctx.clock(), limit=limit)
        if not ids:
            return []
        for event_id, name, received_at, attempts, record in session.execute(_SELECT_CLAIMED, {"ids": ids}):
            try:
                event = Event.model_validate_json(record)
                claimed.append(StoredEvent(event_id, name, received_at, attempts, event))
            except ValueError as error:
                _settle_damaged(session, event_id, token, error)
    return claimed


def _settle_damaged(session: Session, event_id: int, token: str, error: ValueError) -> None:
    log.error("event_damaged event=%s error=%s", event_id, type(error).__name__)
    values = {"state": "dead", "last_error": "the row cannot be read: its record is damaged"}
    claims.settle_many(session, EventRow, {event_id: values}, token=token)


def error_summary(ctx: Context, error: BaseException) -> str:
    """Describe any error in one redacted sentence."""
    sentence = error.message if isinstance(error, DeliveryError) else f"{type(error).__name__}: {error}"
    return ctx.redact(sentence)[:1000]


def schedule_retries(ctx: Context, table: type[QueuedRow], rows: Sequence[Any], token: str, error: Exception) -> None:
    """Settle claimed intake rows after a failure; each row follows its own retry plan."""
    with ctx.ledger.write() as session:
        values_by_id = {row.id: retry_values(ctx, row.attempts, error) for row in rows}
        claims.settle_many(session, table, values_by_id, token=token)


def retry_values(ctx: Context, attempts: int, error: Exception) -> dict[str, Any]:
    """Columns of intake work that has failed `attempts` times before: pending with a later due time, or dead.

    A refusal (401, 403) uses up no attempt: events are not lost to an expired token.
    """
    now = ctx.clock()
    values: dict[str, Any] = {"last_error": error_summary(ctx, error), "state": "pending", "started_at": None}
    if isinstance(error, RateLimited):
        return {**values, "due_at": error.until or now + RATE_LIMIT_RETRY_INTERVAL}
    if isinstance(error, AuthFailed | NotAllowed):
        return {**values, "due_at": now + CREDENTIALS_RETRY_INTERVAL}
    retry_after = error.after if isinstance(error, RetryLater) else None
    due_at = next_attempt_at(INTAKE_PLAN, attempts + 1, now, now, ctx.random.random(), retry_after)
    return {**values, "attempts": attempts + 1, **({"due_at": due_at} if due_at else {"state": "dead"})}
