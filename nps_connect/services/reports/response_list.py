"""Responses behind a figure, newest first, page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlmodel import Session, col

from nps_connect.ledger.response_dimensions import ResponseDimensionRow
from nps_connect.ledger.tables import ContactRow, ResponseRow

PageEnd = tuple[datetime, int]
"""Where a page ends: time and id of its last response."""


@dataclass(frozen=True)
class ListedResponse:
    """A confirmed response with whom it is from.

    Attributes:
        public_id: of the response.
        score, comment, language, survey, touchpoint, collected_by, answered_at: of its newest revision.
        name: of the contact, else its mail address; None if neither is stored.
        follow_up: its answers to follow-up questions.
        do_not_contact: the customer asked not to be contacted about it.
        dimensions: value by name.
    """

    public_id: str
    score: int
    comment: str | None
    language: str
    survey: str
    touchpoint: str
    collected_by: str
    answered_at: datetime
    name: str | None
    follow_up: Sequence[Mapping[str, str]] = ()
    do_not_contact: bool = False
    dimensions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ResponseListPage:
    """One page of responses; `end` is where it ends if there are more."""

    responses: tuple[ListedResponse, ...]
    end: PageEnd | None = None


def load_response_page(
    session: Session, conditions: Sequence[ColumnElement[bool]], *, limit: int, after: PageEnd | None = None
) -> ResponseListPage:
    """Load responses, newest first.

    Args:
        session: to read with.
        conditions: on `ResponseRow`, from `ResponseFilter.conditions`.
        limit: responses at most.
        after: the end of the page before.
    """
    at, row_id = col(ResponseRow.answered_at), col(ResponseRow.id)
    query = select(ResponseRow, ContactRow).join(ContactRow, col(ContactRow.id) == col(ResponseRow.contact_id))
    query = query.where(*conditions, at.is_not(None))
    if after is not None:
        query = query.where((at < after[0]) | ((at == after[0]) & (row_id < after[1])))
    rows = session.execute(query.order_by(at.desc(), row_id.desc()).limit(limit + 1)).all()
    shown = rows[:limit]
    dimensions = load_dimensions(session, [response.id or 0 for response, _contact in shown])
    responses = tuple(_listed(response, contact, dimensions.get(response.id or 0, {})) for response, contact in shown)
    last = shown[-1][0] if len(rows) > limit else None
    return ResponseListPage(responses, (last.answered_at, last.id) if last is not None else None)


def load_dimensions(session: Session, response_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """Return the dimensions of responses, without their teams."""
    table = ResponseDimensionRow.__table__.c
    query = select(table.response_id, table.name, table.value).where(table.response_id.in_(response_ids))
    dimensions: dict[int, dict[str, str]] = {}
    for response_id, name, value in session.execute(query.where(table.name != "team")):
        dimensions.setdefault(response_id, {})[name] = value
    return dimensions


def _listed(response: Any, contact: Any, dimensions: Mapping[str, str]) -> ListedResponse:  # noqa: ANN401  # ORM rows
    return ListedResponse(
        public_id=response.public_id,
        score=response.score,
        comment=response.comment,
        language=response.language,
        survey=response.survey,
        touchpoint=response.touchpoint,
        collected_by=response.collected_by,
        answered_at=response.answered_at,
        name=contact.name or contact.email,
        follow_up=response.follow_up or (),
        do_not_contact=response.do_not_contact,
        dimensions=dimensions,
    )
