"""Idempotency keys: a repeated request returns the stored response, and has no second effect."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import delete, select, tuple_
from sqlmodel import Session, col

from nps_connect.ledger.api_keys import IdempotencyKeyRow
from nps_connect.ledger.claims import advisory_lock
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.api_results import ApiProblem, ApiResult, ApiWrite
from nps_connect.services.context import Context

IDEMPOTENCY_PERIOD = timedelta(hours=24)
ROWS_PER_STEP = 500

KeyOfCaller = tuple[int, str]
"""The row id of the API key, and the idempotency key."""


class StoredResponse(NamedTuple):
    """The response to a request that was made before."""

    request_hash: str
    result: ApiResult

    def replay(self, write: ApiWrite) -> ApiResult | ApiProblem:
        """Return the response for the same request, or the problem of another one with the same key."""
        if write.request_hash != self.request_hash:
            return ApiProblem(409, "idempotency-key-reused", "this Idempotency-Key was used for another request")
        if not self.result.body:
            return ApiProblem(409, "response-erased", "this request was carried out; its response was erased since")
        return self.result._replace(is_replay=True)


def key_of(write: ApiWrite) -> KeyOfCaller | None:
    """Return the key under which the response to a request is stored; None without an idempotency key."""
    return None if write.idempotency_key is None else (write.caller.key_id, write.idempotency_key)


def load_stored_responses(
    ctx: Context, session: Session, writes: Sequence[ApiWrite]
) -> dict[KeyOfCaller, StoredResponse]:
    """Return the stored responses of repeated requests; others with these keys wait until this transaction ends."""
    keys = sorted({key for write in writes if (key := key_of(write)) is not None})
    if not keys:
        return {}
    for key_id, name in keys:  # in one order for all processes, so that they cannot deadlock
        advisory_lock(session, f"idempotency:{key_id}:{name}")
    columns = tuple_(col(IdempotencyKeyRow.api_key_id), col(IdempotencyKeyRow.key))
    is_kept = col(IdempotencyKeyRow.created_at) > ctx.clock() - IDEMPOTENCY_PERIOD
    session.execute(
        delete(IdempotencyKeyRow).where(columns.in_(keys), ~is_kept), execution_options={"synchronize_session": False}
    )
    rows = session.execute(select(IdempotencyKeyRow).where(columns.in_(keys))).scalars()
    return {
        (row.api_key_id, row.key): StoredResponse(row.request_hash, ApiResult(row.status, row.response)) for row in rows
    }


def store_responses(ctx: Context, session: Session, results: Sequence[tuple[ApiWrite, ApiResult]]) -> None:
    """Store responses in the transaction of their effect."""
    now = ctx.clock()
    rows = [
        {
            "api_key_id": write.caller.key_id,
            "key": write.idempotency_key,
            "request_hash": write.request_hash,
            "status": result.status,
            "response": dict(result.body),
            "created_at": now,
        }
        for write, result in results
        if write.idempotency_key is not None
    ]
    insert_many(session, IdempotencyKeyRow, rows)


def delete_expired_responses(ctx: Context) -> None:
    """Delete the responses of requests that were made more than a day ago."""
    before = ctx.clock() - IDEMPOTENCY_PERIOD
    columns = tuple_(col(IdempotencyKeyRow.api_key_id), col(IdempotencyKeyRow.key))
    query = select(col(IdempotencyKeyRow.api_key_id), col(IdempotencyKeyRow.key))
    query = query.where(col(IdempotencyKeyRow.created_at) <= before).limit(ROWS_PER_STEP)
    has_more = True
    while has_more:
        with ctx.ledger.write() as session:
            keys = [tuple(row) for row in session.execute(query.with_for_update(skip_locked=True))]
            if keys:
                session.execute(
                    delete(IdempotencyKeyRow).where(columns.in_(keys)), execution_options={"synchronize_session": False}
                )
        has_more = len(keys) == ROWS_PER_STEP
