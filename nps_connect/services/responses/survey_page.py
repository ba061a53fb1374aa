"""What a survey page shows. It holds nothing personal, because links get forwarded."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from sqlmodel import Session

from nps_connect.records.contacts import Contact
from nps_connect.records.deliveries import ReviewDestination
from nps_connect.records.pages import FollowUpQuestion, SurveyPage, SurveyPageRequest
from nps_connect.records.responses import Response
from nps_connect.rendering.catalogs import choose_language
from nps_connect.services.contacts.store import build_response
from nps_connect.services.context import Context
from nps_connect.services.links import ReviewLink, TestLink
from nps_connect.services.responses.invitation_state import OPEN_STATES, InvitationState, load_invitation_states
from nps_connect.services.reviews.review_pages import resolve_review_pages


def build_survey_pages(ctx: Context, requests: Sequence[SurveyPageRequest]) -> list[SurveyPage | Exception]:
    """Return a page, or the error of building it, for each request; one query for all, and nothing is written."""
    link_ids = list(map(ctx.links.read_survey, map(attrgetter("token"), requests)))
    pages: list[SurveyPage | Exception] = []
    with ctx.ledger.read() as session:
        states = load_invitation_states(session, set(filter(None, link_ids)))
        for request, link_id in zip(requests, link_ids, strict=True):
            try:
                if link_id is None and (link := ctx.links.read_test(request.token)) is not None:
                    pages.append(_build_test_page(ctx, session, request, link))
                else:
                    pages.append(_build_page(ctx, session, request, states.get(link_id or "")))
            except Exception as error:  # noqa: BLE001  # returned to the visitor whose request failed
                pages.append(error)
    return pages


def _build_page(
    ctx: Context, session: Session, request: SurveyPageRequest, state: InvitationState | None
) -> SurveyPage:
    if state is None or state.state not in OPEN_STATES:
        return SurveyPage(state="unknown", language=ctx.settings.core.language)
    language = request.page_view.language or state.language
    mailbox = state.invited_mailbox or state.mailbox
    fields: dict[str, Any] = {
        "language": language,
        "help_address": ctx.settings.core.help_address,
        "token": request.token,
        "unsubscribe_token": ctx.links.unsubscribe(mailbox) if mailbox else "",
    }
    if not state.is_open(request.page_view.at):
        return SurveyPage(state="expired", **fields)
    fields |= _survey_fields(ctx, state.survey, language)
    if not state.is_confirmed:
        return SurveyPage(state="open", conflicting=state.conflicting_at is not None, **fields)
    return SurveyPage(
        state="answered",
        score=state.score,
        commented=state.comment is not None,
        do_not_contact=bool(state.do_not_contact),
        reviews=_build_review_links(ctx, session, state),
        **fields,
    )


def _build_review_links(ctx: Context, session: Session, state: InvitationState) -> tuple[ReviewDestination, ...]:
    """Return the review pages with personal links; they do not depend on the score."""
    links = []
    for platform, page in resolve_review_pages(
        ctx, session, build_response(state.response()), state.contact(), state.id
    ):
        token = ctx.links.review(ReviewLink(state.public_id or "", platform, "page"))
        links.append(page.model_copy(update={"url": ctx.links.url("r", token)}))
    return tuple(links)


def _survey_fields(ctx: Context, survey: str, language: str) -> dict[str, Any]:
    """Return the questions of a survey in a language, follow-up questions in the next best one."""
    definition = ctx.settings.surveys.get(survey)
    if definition is None:
        return {}
    follow_ups = []
    for question in definition.follow_ups:
        spoken = choose_language([language, ctx.settings.core.language], list(question.question))
        follow_ups.append(
            FollowUpQuestion(
                name=question.name,
                question=question.question[spoken],
                choices=question.choices.get(spoken, ()),
                segments=question.on,
            )
        )
    return {"question": definition.question.get(language), "follow_ups": tuple(follow_ups)}


def _build_test_page(ctx: Context, session: Session, request: SurveyPageRequest, link: TestLink) -> SurveyPage:
    """Return the page of a test mail, before and after a submission, of which nothing is stored."""
    if link.survey not in ctx.settings.surveys:
        return SurveyPage(state="unknown", language=ctx.settings.core.language)
    language, submission = request.page_view.language or link.language, request.submission
    fields: dict[str, Any] = {
        "language": language,
        "help_address": ctx.settings.core.help_address,
        "token": request.token,
        "unsubscribe_token": request.token,
        "test": True,
        **_survey_fields(ctx, link.survey, language),
    }
    if submission is None:
        return SurveyPage(state="open", **fields)
    sample = Response(
        id="test",
        revision=1,
        survey=link.survey,
        touchpoint=ctx.settings.surveys[link.survey].touchpoint or link.survey,
        score=submission.score,
        language=language,
        answered_at=request.page_view.at,
    )
    pages = resolve_review_pages(ctx, session, sample, Contact(connection="test", id="test"), 0)
    reviews = tuple(page for _, page in pages)
    return SurveyPage(state="answered", score=submission.score, reviews=reviews, **fields)
