"""What the API returns: responses, the NPS, decisions, suppressions and cases, page by page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlmodel import Session, col

from nps_connect.ledger.list_page import load_page
from nps_connect.ledger.subjects import contact_subjects, mailbox_hash, mailbox_subject
from nps_connect.ledger.suppressions import SuppressionRow
from nps_connect.ledger.tables import ContactRow, DecisionRow, EventRow, ResponseRow
from nps_connect.records.api_case_requests import CaseDetailsQuery, CaseQuery
from nps_connect.records.api_pages import (
    AnswerItem,
    CasePage,
    DecisionItem,
    DecisionPage,
    NpsResult,
    ResponseItem,
    ResponsePage,
    SuppressionItem,
    SuppressionPage,
)
from nps_connect.records.api_requests import (
    ApiModel,
    DecisionQuery,
    NpsQuery,
    PageQuery,
    ResponseQuery,
    SuppressionQuery,
)
from nps_connect.records.api_results import ApiCaller, ApiProblem, invalid
from nps_connect.records.base import NPS_SCALE
from nps_connect.records.responses import segment_of
from nps_connect.rules.nps_arithmetic import compute_nps
from nps_connect.rules.page_cursor import PageKey, decode_cursor, encode_cursor
from nps_connect.services.api.cases import read_case, read_cases
from nps_connect.services.api.people import (
    describe_person,
    find_contact_rows,
    require_connection,
    require_survey_with_responses,
    show_text,
)
from nps_connect.services.context import Context
from nps_connect.services.operations.explain import resolve_contacts
from nps_connect.services.responses.export import select_responses
from nps_connect.services.responses.segment_counts import ALL_SURVEYS, count_responses
from nps_connect.services.suppressions.operator_suppressions import list_suppressions

SEGMENT_SCORES = {"promoter": (9, 10), "passive": (7, 8), "detractor": (0, 6)}


def execute_read(ctx: Context, caller: ApiCaller, query: ApiModel, subject: str | None = None) -> ApiModel:
    """Return what a query selects.

    Args:
        ctx: the application context.
        caller: who asks.
        query: the validated query; its type is the operation.
        subject: id in the path, such as that of a contact.

    Raises:
        ApiProblem: the query names something that does not exist, or needs another scope.
    """
    with ctx.ledger.read() as session:
        return _READERS[type(query)](ctx, session, caller, query, subject)


def _read_responses(
    ctx: Context, session: Session, caller: ApiCaller, query: ResponseQuery, _subject: str | None
) -> ResponsePage:
    require_survey_with_responses(ctx, session, query.survey)
    contacts = None
    if query.contact is not None:
        contacts = tuple(row.id or 0 for row in find_contact_rows(ctx, session, caller, query.contact))
    selected = select_responses(
        survey=query.survey,
        contacts=contacts,
        scores=SEGMENT_SCORES[query.segment] if query.segment else None,
        since=query.since,
        until=query.until,
    )
    conditions = [*selected, col(ResponseRow.scale) == NPS_SCALE]
    if query.connection is not None:
        conditions.append(col(ContactRow.connection) == query.connection)
    statement: Any = select(ResponseRow, ContactRow).join(ContactRow, col(ContactRow.id) == col(ResponseRow.contact_id))
    order = [col(ResponseRow.answered_at), col(ResponseRow.id)]
    after = _after(query, "responses", (datetime, int))
    page = load_page(session, statement.where(*conditions), order, limit=query.limit, after=after)
    items = tuple(_response_item(ctx, caller, row, contact) for row, contact in page.rows)
    return ResponsePage(items=items, next_cursor=encode_cursor("responses", page.next_key))


def _response_item(ctx: Context, caller: ApiCaller, row: ResponseRow, contact: ContactRow) -> ResponseItem:
    answers = (
        AnswerItem(
            name=entry["name"], question=entry["question"], answer=show_text(caller, entry["answer"], contact) or ""
        )
        for entry in row.follow_up
    )
    score = row.score if row.score is not None else 0
    return ResponseItem(
        id=row.public_id,
        survey=row.survey,
        touchpoint=row.touchpoint,
        score=score,
        segment=segment_of(score),
        comment=show_text(caller, row.comment, contact),
        language=row.language,
        answered_at=row.answered_at,  # type: ignore[arg-type]  # of a confirmed response
        collected_by=row.collected_by,  # type: ignore[arg-type]
        revision=row.revision,
        do_not_contact=row.do_not_contact,
        follow_up=tuple(answers),
        contact=describe_person(ctx, caller, contact),
    )


def _read_nps(ctx: Context, session: Session, _caller: ApiCaller, query: NpsQuery, _subject: str | None) -> NpsResult:
    require_survey_with_responses(ctx, session, query.survey)
    counts = count_responses(session, query.survey, query.since, query.until, latest=query.latest)
    return NpsResult.model_validate(asdict(compute_nps(**counts[ALL_SURVEYS])))


def _read_decisions(
    ctx: Context, session: Session, caller: ApiCaller, query: DecisionQuery, subject: str | None
) -> DecisionPage:
    require_connection(ctx, query.connection)
    contacts = resolve_contacts(session, f"{query.connection}:{subject}", [query.connection])
    if not contacts:
        raise ApiProblem(404, "contact-unknown", "there is no such contact")
    ids = [row.id for row in contacts]
    statement: Any = (
        select(DecisionRow, EventRow)
        .join(EventRow, col(EventRow.id) == col(DecisionRow.event_id))
        .where(col(DecisionRow.contact_id).in_(ids))
    )
    after = _after(query, "decisions", (int,))
    page = load_page(session, statement, [col(DecisionRow.id)], limit=query.limit, after=after)
    items = tuple(
        DecisionItem(
            trigger=row.trigger,
            survey=row.survey,
            verdict=row.verdict,
            reason=row.reason,
            detail=show_text(caller, row.detail, contacts[0]) or "",
            decided_at=row.decided_at,
            eligible_at=row.eligible_at,
            event_kind=event.kind,
            event_key=event.key,
            occurred_at=event.occurred_at,
        )
        for row, event in page.rows
    )
    return DecisionPage(items=items, next_cursor=encode_cursor("decisions", page.next_key))


def _read_suppressions(
    ctx: Context, session: Session, caller: ApiCaller, query: SuppressionQuery, _subject: str | None
) -> SuppressionPage:
    conditions: list[ColumnElement[bool]] = []
    if query.reason is not None:
        conditions.append(col(SuppressionRow.reason) == query.reason)
    if query.contact is not None:
        rows = find_contact_rows(ctx, session, caller, query.contact)
        subjects = {subject for row in rows for subject in contact_subjects(row.id or 0, row.mailbox)}
        if "@" in query.contact:
            subjects.add(mailbox_subject(mailbox_hash(query.contact)))
        conditions.append(col(SuppressionRow.subject).in_(subjects))
    after = _after(query, "suppressions", (int,))
    listed, next_key = list_suppressions(session, *conditions, limit=query.limit, after=after)
    items = tuple(
        SuppressionItem(
            reason=row.reason,
            source=row.source,
            of="person" if row.subject.startswith("c:") else "mailbox",
            since=row.created_at,
            is_provisional=row.provisional_for is not None,
            contact=describe_person(ctx, caller, contact) if contact is not None else None,
        )
        for row, contact in listed
    )
    return SuppressionPage(items=items, next_cursor=encode_cursor("suppressions", next_key))


def _read_cases(ctx: Context, session: Session, caller: ApiCaller, query: CaseQuery, _subject: str | None) -> CasePage:
    return read_cases(ctx, session, caller, query, _after(query, "cases", (datetime, int)))


def _after(query: PageQuery, kind: str, types: Sequence[type]) -> PageKey | None:
    """Return where the page before ended; None for the first page.

    Raises:
        ApiProblem: 422: the cursor is damaged, or of another list.
    """
    if query.cursor is None:
        return None
    try:
        return decode_cursor(query.cursor, kind, types)
    except ValueError as error:
        raise invalid("cursor", str(error)) from None


_READERS: Mapping[type[ApiModel], Callable[[Context, Session, ApiCaller, Any, str | None], ApiModel]] = {
    ResponseQuery: _read_responses,
    NpsQuery: _read_nps,
    DecisionQuery: _read_decisions,
    SuppressionQuery: _read_suppressions,
    CaseQuery: _read_cases,
    CaseDetailsQuery: read_case,
}
