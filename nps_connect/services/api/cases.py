"""Cases by the API: read, and assigned, noted, solved and reopened as ``cases`` does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col

from nps_connect.ledger.audit_log import Actor
from nps_connect.ledger.cases import CaseEntryRow, CaseRow
from nps_connect.ledger.list_page import load_page
from nps_connect.ledger.tables import ContactRow, ResponseRow
from nps_connect.records.api_case_requests import (
    CaseAssignment,
    CaseDetailsQuery,
    CaseNote,
    CaseQuery,
    CaseReopening,
    CaseSolution,
)
from nps_connect.records.api_pages import CaseDetails, CaseHistoryItem, CaseItem, CasePage
from nps_connect.records.api_requests import ApiModel
from nps_connect.records.api_results import ApiCaller, ApiProblem, ApiResult, CaseResult, invalid
from nps_connect.rules.page_cursor import PageKey, encode_cursor
from nps_connect.services.api.handler import PreparedWrite, WriteHandler
from nps_connect.services.api.people import check_address, describe_person, show_text
from nps_connect.services.cases.case_list import case_query, case_state, state_clauses
from nps_connect.services.cases.case_work import (
    CaseEntry,
    CaseUnchanged,
    add_note,
    assign_case,
    lock_case,
    record_call,
)
from nps_connect.services.cases.history import load_entries
from nps_connect.services.context import Context
from nps_connect.services.decisions.staff_cases import reopen_case, solve_case


def read_cases(ctx: Context, session: Session, caller: ApiCaller, query: CaseQuery, after: PageKey | None) -> CasePage:
    """Return a page of cases, newest first."""
    now = ctx.clock()
    statement = case_query()
    if query.state is not None:
        statement = statement.where(state_clauses(now)[query.state])
    if query.survey is not None:
        statement = statement.where(col(ResponseRow.survey) == query.survey)
    if query.assigned_to is not None:
        if not caller.has("people"):
            raise ApiProblem(403, "scope-missing", "the key lacks the scope people")
        statement = statement.where(col(CaseRow.assigned_to) == query.assigned_to)
    order = [col(CaseRow.opened_at), col(CaseRow.id)]
    page = load_page(session, statement, order, limit=query.limit, after=after)
    items = tuple(_case_item(ctx, caller, *row, now=now) for row in page.rows)
    return CasePage(items=items, next_cursor=encode_cursor("cases", page.next_key))


def read_case(
    ctx: Context, session: Session, caller: ApiCaller, _query: CaseDetailsQuery, subject: str | None
) -> CaseDetails:
    """Return one case with its history.

    Raises:
        ApiProblem: 404.
    """
    row = session.execute(case_query().where(col(ResponseRow.public_id) == subject)).first()
    if row is None:
        raise _unknown_case()
    case, _response, contact, _link = row
    history = tuple(_history_item(caller, entry, contact) for entry in load_entries(session, [case.id]))
    return CaseDetails(case=_case_item(ctx, caller, *row, now=ctx.clock()), history=history)


def _case_item(
    ctx: Context,
    caller: ApiCaller,
    case: CaseRow,
    response: ResponseRow,
    contact: ContactRow,
    ticket_link: str | None,
    *,
    now: datetime,
) -> CaseItem:
    is_named = caller.has("people")
    return CaseItem(
        response=response.public_id,
        state=case_state(case, now),
        score=response.score if response.score is not None else 0,
        survey=response.survey,
        connection=case.connection,
        ticket_id=case.ticket_id if is_named else None,
        ticket_link=ticket_link if is_named else None,
        owner=case.owner if is_named else None,
        assigned_to=case.assigned_to if is_named else None,
        opened_at=case.opened_at,
        deadline=case.deadline,
        next_contact_at=case.next_contact_at,
        solved_at=case.solved_at,
        reopened=case.reopened,
        remedies=tuple(case.remedies or ()),
        recovered_at=case.recovered_at,
        recovered_score=case.recovered_score,
        contact=describe_person(ctx, caller, contact),
    )


def _history_item(caller: ApiCaller, entry: CaseEntryRow, contact: ContactRow) -> CaseHistoryItem:
    is_named = caller.has("people")
    return CaseHistoryItem(
        at=entry.at,
        kind=entry.kind,
        by=entry.actor_name if is_named else None,
        text=show_text(caller, entry.text, contact) if is_named else None,
        call_outcome=entry.call_outcome,
        next_contact_at=entry.next_contact_at,
        assigned_to=entry.assigned_to if is_named else None,
        remedies=tuple(entry.remedies or ()),
    )


def _prepare(_ctx: Context, request: ApiModel) -> ApiModel:
    if isinstance(request, CaseAssignment) and request.assigned_to is not None:
        check_address("assigned_to", request.assigned_to)
    if isinstance(request, CaseNote) and request.called is None:
        if not request.text:
            raise invalid("text", "give a text, or `called`")
        if request.next_call_at is not None:
            raise invalid("next_call_at", "only with `called`")
    return request


def _handler(change: Callable[[Context, Session, CaseRow, Actor, Any], set[str]]) -> WriteHandler:
    """Return the handler of requests that change a case."""

    def store(
        ctx: Context, session: Session, writes: Sequence[PreparedWrite], queues: set[str]
    ) -> Sequence[ApiResult | ApiProblem]:
        results: list[ApiResult | ApiProblem] = []
        for write in writes:
            request = write.prepared
            case = lock_case(session, request.response)
            if case is None:
                results.append(_unknown_case())
                continue
            try:
                queues |= change(ctx, session, case, write.actor, request)
            except CaseUnchanged as error:
                results.append(ApiProblem(409, "case-unchanged", str(error)))
                continue
            body = CaseResult(
                response=request.response,
                state=case.state,
                assigned_to=case.assigned_to,
                next_contact_at=case.next_contact_at,
            )
            results.append(ApiResult(200, body.model_dump(mode="json")))
        return results

    return WriteHandler(_prepare, store)


def _unknown_case() -> ApiProblem:
    return ApiProblem(404, "case-unknown", "this response opened no case")


def _assign(ctx: Context, session: Session, case: CaseRow, actor: Actor, request: CaseAssignment) -> set[str]:
    return assign_case(ctx, session, case, actor, request.assigned_to)


def _add_note(ctx: Context, session: Session, case: CaseRow, actor: Actor, request: CaseNote) -> set[str]:
    if request.called is None:
        return add_note(ctx, session, case, actor, request.text or "")
    entry = CaseEntry(
        kind="called", text=request.text, call_outcome=request.called, next_contact_at=request.next_call_at
    )
    return record_call(ctx, session, case, actor, entry)


def _solve(ctx: Context, session: Session, case: CaseRow, actor: Actor, request: CaseSolution) -> set[str]:
    return solve_case(ctx, session, case, actor, remedies=request.done, text=request.text)


def _reopen(ctx: Context, session: Session, case: CaseRow, actor: Actor, request: CaseReopening) -> set[str]:
    return reopen_case(ctx, session, case, actor, text=request.text)


CASE_ASSIGNMENT_HANDLER = _handler(_assign)
CASE_NOTE_HANDLER = _handler(_add_note)
CASE_SOLUTION_HANDLER = _handler(_solve)
CASE_REOPENING_HANDLER = _handler(_reopen)
