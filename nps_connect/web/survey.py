"""``/s/<token>``: the survey page. Opening it confirms nothing; only a press of a score or of Send does."""

from __future__ import annotations

import logging
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from nps_connect.records.pages import Submission, SurveyPage, SurveyPageRequest, VisitOutcome
from nps_connect.records.responses import segment_of
from nps_connect.rendering.survey_question import standard_question
from nps_connect.web.forms import SurveyForm, parse_form, parse_query
from nps_connect.web.request_data import UnreadableBody, build_visit_info, is_cross_site, read_body
from nps_connect.web.site import Site

log = logging.getLogger(__name__)

MAX_FORM_BYTES = 4 * 1024 * 1024
STATUS_BY_STATE = {"open": 200, "answered": 200, "expired": 410, "unknown": 404}


class SurveyPages:
    """Serves the survey pages, past the framework's routing and layers: they cost as much as a page itself.

    Attributes:
        path: the template of their addresses, for the log.
    """

    path = "/s/{token}"

    def __init__(self, site: Site) -> None:
        self._site = site

    def token_in(self, path: str) -> str | None:
        """The token of a survey page's address; none for any other address."""
        token = path[3:]
        return token if token and path.startswith("/s/") and "/" not in token else None

    async def respond(self, request: Request, token: str) -> Response:
        """The answer to a request for a survey page."""
        if request.method == "POST":
            return await self._press(request, token)
        if request.method in {"GET", "HEAD"}:
            return await self._show(request, token)
        refusal = self._site.notice("method", self._site.visitor_language(request), 405)
        refusal.headers["Allow"] = "GET, HEAD, POST"
        return refusal

    async def _show(self, request: Request, token: str) -> Response:
        site = self._site
        query = parse_query(request.scope["query_string"])
        asked = site.requested_language(query.language)
        visit = SurveyPageRequest(token, build_visit_info(request, site.clock(), score=query.score, language=asked))
        page = await site.page_batcher.ask(_with_preview_press(visit, asked) if query.pressed else visit)
        await site.visit_batcher.submit_nowait(visit)
        if request.method == "HEAD":
            return site.head_response(STATUS_BY_STATE[page.state])
        return _render(site, request, token, page, asked=asked, chosen=query.score, more=query.more)

    async def _press(self, request: Request, token: str) -> Response:
        site = self._site
        if is_cross_site(request, site.backend.public_url):
            return site.notice("elsewhere", site.visitor_language(request), 403, token=token)
        try:
            form = parse_form(await read_body(request, MAX_FORM_BYTES))
        except UnreadableBody as error:
            return site.notice("too_large", site.visitor_language(request), error.status)
        asked = site.requested_language(form.language)
        visit = build_visit_info(request, site.clock(), score=form.score, language=asked)
        if form.switch_language is not None:
            return await self._turn(request, token, form)
        if form.score is None:
            opened = SurveyPageRequest(token, visit)
            page = await site.page_batcher.ask(opened)
            await site.visit_batcher.submit_nowait(opened)
            return _render(site, request, token, page, asked=asked, problem=True, typed=form)
        pressed = SurveyPageRequest(
            token,
            visit,
            Submission(
                score=form.score,
                comment=form.comment,
                sent=form.sent,
                do_not_contact=form.do_not_contact,
                language=asked or site.visitor_language(request),
                follow_up=form.follow_up,
            ),
        )
        try:
            taken = await site.visit_batcher.ask(pressed)
        except Exception:
            log.exception("POST %s failed: the press was not taken", self.path)
            language = asked or site.visitor_language(request)
            return site.notice("trouble", language, 503, again=form.fields())
        if taken in {"open", "answered", "test"}:
            return site.redirect(_redirect_target(token, form, asked, taken))
        return _render(site, request, token, await site.page_batcher.ask(pressed), asked=asked)

    async def _turn(self, request: Request, token: str, form: SurveyForm) -> Response:
        """The page in another language, with what was typed; nothing is sent by that."""
        query = parse_query(request.scope["query_string"])
        asked = self._site.requested_language(form.switch_language)
        shown = SurveyPageRequest(token, build_visit_info(request, self._site.clock(), language=asked))
        page = await self._site.page_batcher.ask(
            _with_preview_press(shown, asked, query.score) if query.pressed else shown
        )
        await self._site.visit_batcher.submit_nowait(shown)
        more = query.more or bool(form.comment)
        return _render(self._site, request, token, page, asked=asked, chosen=query.score, more=more, typed=form)


def _with_preview_press(visit: SurveyPageRequest, language: str | None, score: int | None = None) -> SurveyPageRequest:
    """As if the score had been pressed, to show the page of a test mail; only that page asks for it."""
    chosen = visit.visit.score if score is None else score
    return visit if chosen is None else visit._replace(press=Submission(score=chosen, language=language or ""))


def _redirect_target(token: str, form: SurveyForm, language: str | None, taken: VisitOutcome) -> str:
    """Where a browser goes after an answer, so that neither reload nor the back button sends it once more.

    A score that awaits its confirmation is shown chosen; after a mere score, the form for a comment is shown.
    """
    query = {} if language is None else {"lang": language}
    if taken != "answered":
        query["score"] = str(form.score)
    if taken == "test":
        query["pressed"] = "1"
    if taken != "open" and not form.sent:
        query["more"] = "1"
    return f"./{quote(token, safe='')}{'?' if query else ''}{urlencode(query)}"


def _render(
    site: Site,
    request: Request,
    token: str,
    page: SurveyPage,
    *,
    asked: str | None,
    chosen: int | None = None,
    more: bool = False,
    problem: bool = False,
    typed: SurveyForm | None = None,
) -> Response:
    """The page in one of its states."""
    status = STATUS_BY_STATE[page.state]
    if page.state == "unknown":
        return site.notice("unknown", site.visitor_language(request), status)
    language = asked or page.language
    if page.state == "expired":
        return site.notice("expired", language, status, help_address=page.help_address)
    changes = chosen is not None and chosen != page.score
    shown = page.score if chosen is None else chosen
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
        chosen=shown,
        confirmed=page.score,
        commented=page.commented,
        do_not_contact=page.do_not_contact,
        typed=typed,
        conflicting=page.conflicting,
        more=more,
        reviews=tuple(review for review in page.reviews if review.url.startswith(("https://", "http://"))),
        help_address=page.help_address,
        open=changes or problem or more,
        problem=problem,
        follow_ups=tuple(one for one in page.follow_ups if shown is not None and segment_of(shown) in one.segments),
        test=page.test,
    )
