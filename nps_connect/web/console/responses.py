"""The responses behind a figure, and the whole story of one response."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter
from sqlalchemy import select
from sqlmodel import col
from starlette.responses import Response

from nps_connect.ledger.tables import ContactRow, ResponseRow
from nps_connect.rules.page_cursor import decode_cursor, encode_cursor
from nps_connect.services.operations.explain import explain_response
from nps_connect.services.reports.counts import count_scores
from nps_connect.services.reports.filters import FilterQueryError, ResponseFilter, restrict
from nps_connect.services.reports.response_list import ListedResponse, PageEnd, load_dimensions, load_response_page
from nps_connect.web.console.access import AnyUserPage
from nps_connect.web.console.console_page import ConsolePage
from nps_connect.web.console.export import EXPORT_PATH, MEDIA_TYPES
from nps_connect.web.console.figure_values import FigureValues
from nps_connect.web.console.filter_form import build_filter_form, label_of_value, list_dimensions, refuse_filter
from nps_connect.web.console.page_filter import RESPONSES_PATH, read_page_filter
from nps_connect.web.console.story import describe_story

RESPONSES_PER_PAGE = 50
CURSOR_KIND = "responses"

router = APIRouter()


@dataclass(frozen=True)
class ResponseEntry:
    """A response in the list.

    Attributes:
        about: what it is about, in words: occasion, shop and so on.
        deleted_on: when retention emptied its texts; None if it did not.
    """

    public_id: str
    score: int
    name: str | None
    comment: str | None
    follow_up: Sequence[object]
    answered_at: datetime
    about: tuple[str, ...]
    deleted_on: datetime | None


@router.get(RESPONSES_PATH)
def list_responses(page: AnyUserPage) -> Response:
    """Show the responses that a filter accepts, newest first."""
    zone = page.ctx.settings.core.zone
    with page.ctx.ledger.read() as session:
        try:
            shown = read_page_filter(page, session)
            after = read_cursor(page.query.get("after"))
        except FilterQueryError as error:
            return refuse_filter(page, error, RESPONSES_PATH)
        total = count_scores(session, zone, shown.responses).responses
        listed = load_response_page(session, shown.responses.conditions(), limit=RESPONSES_PER_PAGE, after=after)
        form = build_filter_form(session, shown)
    kept = {name: page.query[name] for name in ("score", "comment") if page.query.get(name)}
    older = encode_cursor(CURSOR_KIND, listed.end)
    return page.render(
        "responses.html.j2",
        area="explore",
        form=form,
        total=total,
        responses=[build_entry(page, response) for response in listed.responses],
        older=shown.link(RESPONSES_PATH, after=older) if older else None,
        first_page=shown.link(RESPONSES_PATH) if after else None,
        figures=FigureValues(page.language, zone, page.now),
        kept=kept,
        exports={extension: shown.link(EXPORT_PATH, format=extension) for extension in MEDIA_TYPES},
    )


def read_cursor(text: str | None) -> PageEnd | None:
    """Return where a page ends.

    Raises:
        FilterQueryError: the cursor is damaged.
    """
    if not text:
        return None
    try:
        at, row_id = decode_cursor(text, CURSOR_KIND, (datetime, int))
    except ValueError:
        raise FilterQueryError("after: not a page of this list") from None
    assert isinstance(at, datetime)  # noqa: S101
    assert isinstance(row_id, int)  # noqa: S101
    return at, row_id


def build_entry(page: ConsolePage, response: ListedResponse) -> ResponseEntry:
    """Return a response as the list shows it."""
    labels = list_dimensions(page)
    values = [label_of_value(page, "touchpoint", response.touchpoint)]
    values += [label_of_value(page, name, response.dimensions[name]) for name in labels if name in response.dimensions]
    if response.collected_by not in ("web", "email"):
        values.append(label_of_value(page, "collected_by", response.collected_by))
    deleted_on = response.answered_at + page.ctx.settings.retention.comments
    return ResponseEntry(
        public_id=response.public_id,
        score=response.score,
        name=response.name,
        comment=response.comment,
        follow_up=response.follow_up,
        answered_at=response.answered_at,
        about=tuple(values),
        deleted_on=deleted_on if deleted_on <= page.now else None,
    )


@router.get(RESPONSES_PATH + "/{public_id}")
def show_response(public_id: str, page: AnyUserPage) -> Response:
    """Show one response with everything that led to it and followed from it."""
    zone = page.ctx.settings.core.zone
    visible = restrict(ResponseFilter(), page.viewer)
    query = select(ResponseRow, ContactRow).join(ContactRow, col(ContactRow.id) == col(ResponseRow.contact_id))
    with page.ctx.ledger.read() as session:
        row = session.execute(query.where(*visible.conditions(), col(ResponseRow.public_id) == public_id[:40])).first()
        if row is None:
            return page.refuse()
        response, contact = row
        listed = load_response_page(session, [col(ResponseRow.id) == response.id], limit=1).responses[0]
        dimensions = load_dimensions(session, [response.id]).get(response.id, {})
        timeline = explain_response(session, response.id, zone=zone)
    labels = list_dimensions(page)
    return page.render(
        "response.html.j2",
        area="explore",
        response=build_entry(page, listed),
        contact=contact,
        revision=response.revision,
        facts=[(labels[name], label_of_value(page, name, dimensions[name])) for name in labels if name in dimensions],
        properties=[
            (labels[name], label_of_value(page, name, getattr(response, name)))
            for name in ("survey", "touchpoint", "language", "collected_by")
        ],
        do_not_contact=response.do_not_contact,
        story=describe_story(page, timeline),
        figures=FigureValues(page.language, zone, page.now),
    )
