"""``/s/<token>``: the survey page. Opening it confirms nothing; only submitting a score or the form does."""

from __future__ import annotations

import logging
from urllib.parse import quote, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from nps_connect.records.pages import Submission, SurveyPage, SurveyPageRequest, VisitOutcome
from nps_connect.records.responses import segment_of
from nps_connect.rendering.labels import standard_question
from nps_connect.web.forms import SurveyForm, parse_form, parse_query
from nps_connect.web.request_data import build_page_view, is_cross_site
from nps_connect.web.site import Site
from nps_connect.web.web_request import UnreadableBody, WebRequest

log = logging.getLogger(__name__)

MAX_FORM_BYTES = 128 * 1024
"""The longest comment in three-byte characters, percent-encoded, takes 45 KB; the rest is for follow-up questions."""

MAX_INLINE_FORM_BYTES = 16 * 1024
"""Larger forms are parsed in a thread: the event loop serves everybody else meanwhile."""

STATUS_BY_STATE = {"open": 200, "answered": 200, "expired": 410, "unknown": 404}


class SurveyPages:
    """Serves the survey pages."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def respond(self, request: WebRequest, token: str) -> Response:
        """Handle one request for a survey page."""
        if request.method == "POST":
            return await self._handle_post(request, token)
        if request.method in {"GET", "HEAD"}:
            return await self._show(request, token)
        response = self._site.notice("method", self._site.visitor_language(request), 405)
        response.headers["Allow"] = "GET, HEAD, POST"
        return response

    async def _show(self, request: WebRequest, token: str) -> Response:
        site = self._site
        query = parse_query(request.scope["query_string"])
        language = site.requested_language(query.language)
        visit = SurveyPageRequest(token, build_page_view(request, site.clock(), score=query.score, language=language))
        page = await site.page_batcher.submit(_as_submitted(visit, language) if query.pressed else visit)
        await site.visit_batcher.submit_nowait(visit)
        if request.method == "HEAD":
            return site.head_response(STATUS_BY_STATE[page.state])
        return _render(site, request, token, page, language=language, chosen=query.score, more=query.more)

    async def _handle_post(self, request: WebRequest, token: str) -> Response:
        site = self._site
        if is_cross_site(request, site.backend.public_url):
            return site.notice("elsewhere", site.visitor_language(request), 403, token=token)
        if not site.backend.is_survey_token(token):
            return site.notice("unknown", site.visitor_language(request), 404)
        try:
            body = await request.read_body(MAX_FORM_BYTES)
        except UnreadableBody as error:
            return site.notice("too_large", site.visitor_language(request), error.status)
        is_small = len(body) <= MAX_INLINE_FORM_BYTES
        form = parse_form(body) if is_small else await run_in_threadpool(parse_form, body)
        if form.switch_language is not None:
            return await self._switch_language(request, token, form)
        language = site.requested_language(form.language)
        if form.score is None:
            page = await self._view(request, token, language)
            return _render(site, request, token, page, language=language, problem=True, typed=form)
        return await self._submit(request, token, form, language)

    async def _submit(self, request: WebRequest, token: str, form: SurveyForm, language: str | None) -> Response:
        """Store a submission, then redirect: reload and back button must not submit it again."""
        site = self._site
        view = build_page_view(request, site.clock(), score=form.score, language=language)
        spoken = language or site.visitor_language(request)
        submitted = SurveyPageRequest(token, view, form.submission(spoken))
        try:
            outcome = await site.visit_batcher.submit(submitted)
        except Exception:
            log.exception("submission_failed")
            return site.notice("trouble", spoken, 503, again=form.fields())
        if outcome in {"open", "answered", "test"}:
            return site.redirect(_redirect_target(token, form, language, outcome))
        return _render(site, request, token, await site.page_batcher.submit(submitted), language=language)

    async def _switch_language(self, request: WebRequest, token: str, form: SurveyForm) -> Response:
        """Show the page in another language with the text typed so far; submits nothing."""
        query = parse_query(request.scope["query_string"])
        language = self._site.requested_language(form.switch_language)
        page = await self._view(request, token, language, submitted_score=query.score if query.pressed else None)
        more = query.more or bool(form.comment)
        return _render(self._site, request, token, page, language=language, chosen=query.score, more=more, typed=form)

    async def _view(
        self, request: WebRequest, token: str, language: str | None, *, submitted_score: int | None = None
    ) -> SurveyPage:
        """Record a page view and return the page."""
        visit = SurveyPageRequest(token, build_page_view(request, self._site.clock(), language=language))
        page = await self._site.page_batcher.submit(_as_submitted(visit, language, submitted_score))
        await self._site.visit_batcher.submit_nowait(visit)
        return page


def _as_submitted(visit: SurveyPageRequest, language: str | None, score: int | None = None) -> SurveyPageRequest:
    """Return the request as if its score had been submitted, to show the thank-you page of a test mail."""
    score = visit.page_view.score if score is None else score
    return visit if score is None else visit._replace(submission=Submission(score=score, language=language or ""))


def _redirect_target(token: str, form: SurveyForm, language: str | None, outcome: VisitOutcome) -> str:
    """Return the relative address of the page after a submission.

    An unconfirmed score is shown as chosen; after a score alone, the comment form is shown.
    """
    query = {} if language is None else {"lang": language}
    if outcome != "answered":
        query["score"] = str(form.score)
    if outcome == "test":
        query["pressed"] = "1"
    if outcome != "open" and not form.sent:
        query["more"] = "1"
    return f"./{quote(token, safe='')}{'?' if query else ''}{urlencode(query)}"


def _render(
    site: Site,
    request: WebRequest,
    token: str,
    page: SurveyPage,
    *,
    language: str | None,
    chosen: int | None = None,
    more: bool = False,
    problem: bool = False,
    typed: SurveyForm | None = None,
) -> Response:
    """Render the page in its state.

    Args:
        language: requested by name, or None for the page's own.
        chosen: the score that the address preselects.
        more: show the comment form although the survey is answered.
        problem: the submitted value was not a score.
        typed: the submitted form, whose text is kept.
    """
    status = STATUS_BY_STATE[page.state]
    if page.state == "unknown":
        return site.notice("unknown", site.visitor_language(request), status)
    language = language or page.language
    if page.state == "expired":
        return site.notice("expired", language, status, help_address=page.help_address)
    is_change = chosen is not None and chosen != page.score
    shown_score = page.score if chosen is None else chosen
    segment = None if shown_score is None else segment_of(shown_score)
    return site.page(
        "survey",
        language,
        422 if problem else status,
        token=page.token or token,
        unsubscribe_token=page.unsubscribe_token,
        cacheable=page.state == "open" and typed is None,
        state=page.state,
        question=page.question or standard_question(site.backend.company, language),
        question_language=page.language if page.question else language,
        chosen=shown_score,
        confirmed=page.score,
        commented=page.commented,
        do_not_contact=page.do_not_contact,
        typed=typed,
        conflicting=page.conflicting,
        more=more,
        reviews=tuple(review for review in page.reviews if review.url.startswith(("https://", "http://"))),
        help_address=page.help_address,
        open=is_change or problem or more,
        problem=problem,
        follow_ups=tuple(question for question in page.follow_ups if segment in question.segments),
        test=page.test,
    )
