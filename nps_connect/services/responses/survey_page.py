"""What the survey page may show: nothing that a forwarded link should not tell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session

from nps_connect.ledger.subjects import mailbox_hash
from nps_connect.ledger.tables import ContactRow, ResponseRow
from nps_connect.records.contacts import Contact
from nps_connect.records.deliveries import ReviewDestination
from nps_connect.records.pages import Submission, SurveyPage, SurveyPageRequest
from nps_connect.records.responses import Response
from nps_connect.services.context import Context
from nps_connect.services.links import ReviewLink, TestLink, UnsubscribeLink
from nps_connect.services.responses.follow_up_answers import follow_up_questions
from nps_connect.services.responses.invitation_state import OPEN_STATES, InvitationState, load_invitation_states
from nps_connect.services.reviews.review_pages import (
    has_review_routes,
    resolve_review_page,
    resolve_review_pages,
    review_platforms,
)


def build_survey_pages(ctx: Context, visits: Sequence[SurveyPageRequest]) -> list[SurveyPage | Exception]:
    """What to show to each; one query for all of them, and nothing is changed."""
    numbers = [ctx.links.read_survey(one.token) for one in visits]
    wanted = {number for number in numbers if number is not None}
    pages: list[SurveyPage | Exception] = []
    with ctx.ledger.read() as session:
        standings = load_invitation_states(session, wanted)
        for one, number in zip(visits, numbers, strict=True):
            standing = None if number is None else standings.get(number)
            try:
                pages.append(_page(ctx, session, one, number, standing))
            except Exception as error:  # noqa: BLE001  # told to the one whom it concerns
                pages.append(error)
    return pages


def _page(
    ctx: Context, session: Session, one: SurveyPageRequest, number: int | None, standing: InvitationState | None
) -> SurveyPage:
    link = ctx.links.read_test(one.token) if number is None else None
    if link is not None:
        return _test_page(ctx, session, one, link)
    if standing is None or standing.state not in OPEN_STATES:
        return SurveyPage(state="unknown", language=ctx.settings.core.language)
    tongue = one.page_view.language or standing.language
    shown: dict[str, Any] = {
        "language": tongue,
        "help_address": ctx.settings.core.help_address,
        "token": one.token,
        "unsubscribe_token": ctx.links.unsubscribe(
            UnsubscribeLink(standing.contact_id, standing.mailbox or mailbox_hash(""))
        ),
    }
    if not standing.is_open(one.page_view.at):
        return SurveyPage(state="expired", **shown)
    shown["question"] = _question(ctx, standing.survey, tongue)
    shown["follow_ups"] = follow_up_questions(ctx, standing.survey, tongue)
    if not standing.is_confirmed:
        return SurveyPage(state="open", conflicting=standing.conflicting_at is not None, **shown)
    return SurveyPage(
        state="answered",
        score=standing.score,
        commented=standing.comment is not None,
        do_not_contact=bool(standing.do_not_contact),
        reviews=_reviews(ctx, session, standing),
        **shown,
    )


def _reviews(ctx: Context, session: Session, standing: InvitationState) -> tuple[ReviewDestination, ...]:
    """The review pages, the same for every score; without a review route nothing is read for them."""
    if not has_review_routes(ctx):
        return ()
    response = session.get(ResponseRow, standing.response_id)
    contact = session.get(ContactRow, standing.contact_id)
    if response is None or contact is None:
        return ()
    return tuple(
        destination.model_copy(update={"url": _review_address(ctx, response.id or 0, platform)})
        for platform, destination in resolve_review_pages(ctx, session, response, contact)
    )


def _test_page(ctx: Context, session: Session, one: SurveyPageRequest, link: TestLink) -> SurveyPage:
    """The page of a test mail, before and after a press; nothing of it is written down."""
    if link.survey not in ctx.settings.surveys:
        return SurveyPage(state="unknown", language=ctx.settings.core.language)
    tongue = one.page_view.language or link.language
    return SurveyPage(
        state="open" if one.submission is None else "answered",
        language=tongue,
        question=_question(ctx, link.survey, tongue),
        score=None if one.submission is None else one.submission.score,
        help_address=ctx.settings.core.help_address,
        token=one.token,
        unsubscribe_token=one.token,
        follow_ups=follow_up_questions(ctx, link.survey, tongue),
        reviews=()
        if one.submission is None
        else _test_reviews(ctx, session, one.submission, link, tongue, one.page_view.at),
        test=True,
    )


def _test_reviews(
    ctx: Context, session: Session, press: Submission, link: TestLink, language: str, at: datetime
) -> tuple[ReviewDestination, ...]:
    """The review pages that everybody is shown whose place needs no property of theirs."""
    contact = Contact(connection="test", id="test")
    definition = ctx.settings.surveys[link.survey]
    response = Response(
        id="test",
        revision=1,
        survey=link.survey,
        touchpoint=definition.touchpoint or link.survey,
        score=press.score,
        language=language,
        answered_at=at,
    )
    found = (
        resolve_review_page(ctx, session, platform, response, contact, 0)
        for platform in review_platforms(ctx, response)
    )
    return tuple(page for page in found if isinstance(page, ReviewDestination))


def _question(ctx: Context, survey: str, language: str) -> str | None:
    definition = ctx.settings.surveys.get(survey)
    return definition.question.get(language) if definition else None


def _review_address(ctx: Context, response_id: int, platform: str) -> str:
    return ctx.links.url("r", ctx.links.review(ReviewLink(response_id, platform, "page")))
