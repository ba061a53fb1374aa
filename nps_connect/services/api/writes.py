"""Carry out the requests of the API that change something: a batch in one transaction, with its idempotency keys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import Session

from nps_connect.records.api_case_requests import CaseAssignment, CaseNote, CaseReopening, CaseSolution
from nps_connect.records.api_requests import (
    ApiModel,
    ContactRequest,
    EventRequest,
    InvitationRequest,
    ResponseRequest,
    SuppressionRemoval,
    SuppressionRequest,
)
from nps_connect.records.api_results import ApiProblem, ApiResult, ApiWrite
from nps_connect.services.api.cases import (
    CASE_ASSIGNMENT_HANDLER,
    CASE_NOTE_HANDLER,
    CASE_REOPENING_HANDLER,
    CASE_SOLUTION_HANDLER,
)
from nps_connect.services.api.contacts import CONTACT_HANDLER
from nps_connect.services.api.events import EVENT_HANDLER
from nps_connect.services.api.handler import PreparedWrite, WriteHandler
from nps_connect.services.api.invitations import INVITATION_HANDLER
from nps_connect.services.api.responses import RESPONSE_HANDLER
from nps_connect.services.api.suppressions import REMOVAL_HANDLER, SUPPRESSION_HANDLER
from nps_connect.services.api_keys.idempotency import (
    KeyOfCaller,
    StoredResponse,
    key_of,
    load_stored_responses,
    store_responses,
)
from nps_connect.services.context import Context

HANDLERS: Mapping[type[ApiModel], WriteHandler] = {
    EventRequest: EVENT_HANDLER,
    ContactRequest: CONTACT_HANDLER,
    InvitationRequest: INVITATION_HANDLER,
    ResponseRequest: RESPONSE_HANDLER,
    SuppressionRequest: SUPPRESSION_HANDLER,
    SuppressionRemoval: REMOVAL_HANDLER,
    CaseAssignment: CASE_ASSIGNMENT_HANDLER,
    CaseNote: CASE_NOTE_HANDLER,
    CaseSolution: CASE_SOLUTION_HANDLER,
    CaseReopening: CASE_REOPENING_HANDLER,
}

Prepared = tuple[ApiWrite, Any]
"""A request, and what its handler prepared."""


def execute_writes(ctx: Context, writes: Sequence[ApiWrite]) -> list[ApiResult | Exception]:
    """Carry requests out together; they are durable when this returns.

    Returns:
        For each request its result, or the error: `ApiProblem` for one that is refused. A request whose error makes the
        transaction fail fails alone.
    """
    outcomes: dict[int, ApiResult | Exception] = {}
    prepared: dict[int, Prepared] = {}
    for index, write in enumerate(writes):
        try:
            prepared[index] = write, HANDLERS[type(write.request)].prepare(ctx, write.request)
        except Exception as error:  # noqa: BLE001  # returned to the caller of this request
            outcomes[index] = error
    outcomes |= dict(zip(prepared, _execute_isolated(ctx, list(prepared.values())), strict=True))
    return [outcomes[index] for index in range(len(writes))]


def _execute_isolated(ctx: Context, items: Sequence[Prepared]) -> list[ApiResult | Exception]:
    """Carry requests out in one transaction, or one by one if that fails."""
    if not items:
        return []
    queues: set[str] = set()
    try:
        with ctx.ledger.write() as session:
            results = _execute(ctx, session, items, queues)
    except Exception as error:  # noqa: BLE001  # returned to the caller of this request
        if len(items) == 1:
            return [error]
        return [_execute_isolated(ctx, [item])[0] for item in items]
    for queue_name in queues:
        ctx.wake(queue_name)
    return results


def _execute(
    ctx: Context, session: Session, items: Sequence[Prepared], queues: set[str]
) -> list[ApiResult | Exception]:
    stored = load_stored_responses(ctx, session, [write for write, _ in items])
    leaders: dict[KeyOfCaller, int] = {}
    new: dict[type[ApiModel], list[int]] = defaultdict(list)
    for index, (write, _) in enumerate(items):
        key = key_of(write)
        if key is None or (key not in stored and leaders.setdefault(key, index) == index):
            new[type(write.request)].append(index)
    outcomes: dict[int, ApiResult | Exception] = {}
    for request_type, indexes in new.items():
        batch = [PreparedWrite(items[index][0].caller, items[index][1]) for index in indexes]
        results = HANDLERS[request_type].store(ctx, session, batch, queues)
        outcomes |= dict(zip(indexes, results, strict=True))
    succeeded = [(items[index][0], result) for index, result in outcomes.items() if isinstance(result, ApiResult)]
    store_responses(ctx, session, succeeded)
    for key, index in leaders.items():
        result = outcomes[index]
        if isinstance(result, ApiResult):
            stored[key] = StoredResponse(items[index][0].request_hash, result)
    for index, (write, _) in enumerate(items):
        if index not in outcomes:
            outcomes[index] = _repeat(
                write, stored, outcomes[leaders[key]] if (key := key_of(write)) in leaders else None
            )
    return [outcomes[index] for index in range(len(items))]


def _repeat(
    write: ApiWrite, stored: Mapping[KeyOfCaller, StoredResponse], first: ApiResult | Exception | None
) -> ApiResult | Exception:
    """Return the stored response to a repeated request, or the problem of the first one of this batch."""
    key = key_of(write)
    if key is not None and key in stored:
        return stored[key].replay(write)
    return first if first is not None else ApiProblem(409, "idempotency-key-in-use", "the first request has not ended")
