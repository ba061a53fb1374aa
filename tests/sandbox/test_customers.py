"""Customers and scanners use a small survey page with the product's paths."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qs

import httpx
import pytest

from nps_connect.sandbox.customers import Browser, PersonalLinks, respond_to_mail
from nps_connect.sandbox.mail import parse_mail
from nps_connect.sandbox.pages import UnexpectedPage
from nps_connect.sandbox.population import Customer, Persona
from nps_connect.sandbox.scanner import scan
from nps_connect.simulation import SimulatedPerson

PUBLIC_URL = "http://nps.example.com"
BUTTONS = "".join(f'<button name="score" value="{score}">{score}</button>' for score in range(11))
RADIOS = "".join(f'<input type="radio" name="score" value="{score}">' for score in range(11))
COMMENT = '<textarea name="comment"></textarea><button name="send" value="2">Send 2</button>'


class SurveySite:
    """A survey page with configurable score fields; records every request."""

    def __init__(self, scores=BUTTONS, comment=COMMENT, method="post", status=200):
        self.form = (
            f'<form method="{method}" action="/s/tok"><input type="hidden" name="v" value="1">{scores}{comment}</form>'
        )
        self.status = status
        self.script = "history.replaceState(null, '', '/');"
        self.posts = []
        self.visits = []

    def __call__(self, request):
        if request.method == "POST":
            self.posts.append({name: values[0] for name, values in parse_qs(request.content.decode()).items()})
            self.origin = request.headers["origin"]
            return httpx.Response(self.status, html=self.form)
        self.visits.append(f"{request.method} {request.url.path}")
        if request.url.path == "/page.js":
            return httpx.Response(200, text=self.script)
        return httpx.Response(200, html=f'<script src="/page.js"></script><a href="/u/tok">no more</a>{self.form}')

    def browser(self, user_agent="tester"):
        return Browser(httpx.Client(transport=httpx.MockTransport(self)), user_agent)


def customer(**persona):
    person = SimulatedPerson("ana@example.com", "Ana", "fr")
    has_comment = persona["behaviour"] in ("send", "press_then_comment")
    return Customer(person, Persona(**persona), "Très bien & vite" if has_comment else None)


MAIL = parse_mail(
    "\r\n".join(
        [
            f"List-Unsubscribe: <{PUBLIC_URL}/u/tok>",
            "",
            *(f"{PUBLIC_URL}/s/tok?score={score}" for score in range(11)),
            f"{PUBLIC_URL}/r/tok",
            "https://www.example.com/privacy",
        ]
    ).encode(),
    number=1,
    sender="care@example.com",
    to=("ana@example.com",),
    received_at=datetime(2026, 3, 2, tzinfo=UTC),
)
LINKS = PersonalLinks(PUBLIC_URL)


def respond(site, mail=MAIL, **persona):
    respond_to_mail(customer(**persona), mail, LINKS, site.browser())
    return site.posts


def test_press_submits_only_the_score():
    assert respond(SurveySite(), score=10, behaviour="press") == [{"v": "1", "score": "10"}]


def test_with_radio_buttons_press_selects_the_score_and_submits_the_form():
    assert respond(SurveySite(scores=RADIOS), score=2, behaviour="press") == [{"v": "1", "score": "2", "send": "2"}]


def test_press_then_comment_submits_the_score_and_then_the_comment():
    first, second = respond(SurveySite(), score=2, behaviour="press_then_comment")
    assert first == {"v": "1", "score": "2"}
    assert second == {"v": "1", "comment": "Très bien & vite", "send": "2"}


def test_send_submits_score_and_comment_together():
    assert respond(SurveySite(), score=2, behaviour="send") == [{"v": "1", "comment": "Très bien & vite", "send": "2"}]


def test_without_its_own_button_a_comment_is_submitted_with_the_score():
    site = SurveySite(comment='<textarea name="comment"></textarea>')
    assert respond(site, score=7, behaviour="send") == [{"v": "1", "comment": "Très bien & vite", "score": "7"}]


def test_double_submits_sends_the_same_form_twice():
    first, second = respond(SurveySite(), score=9, behaviour="send", double_submits=True)
    assert first == second


def test_forms_are_submitted_with_origin_null_like_from_a_no_referrer_page():
    site = SurveySite()
    respond(site, score=9, behaviour="press")
    assert site.origin == "null"


def test_look_only_opens_the_page_and_ignore_does_nothing():
    site = SurveySite()
    assert respond(site, score=None, behaviour="look") == []
    assert site.visits == ["GET /s/tok"]
    assert respond(site, score=None, behaviour="ignore") == []
    assert site.visits == ["GET /s/tok"]


@pytest.mark.parametrize(
    ("site", "behaviour", "message"),
    [
        (SurveySite(scores=""), "press", "no form with score"),
        (SurveySite(comment=""), "send", "no form with comment"),
        (SurveySite(method="get"), "press", "must be posted"),
        (SurveySite(status=500), "press", "returned 500"),
    ],
)
def test_a_page_that_cannot_be_used_raises_unexpected_page(site, behaviour, message):
    with pytest.raises(UnexpectedPage, match=message):
        respond(site, score=9, behaviour=behaviour)


def test_a_mail_without_survey_links_raises_unexpected_page():
    without_links = parse_mail(b"\r\nhello", number=1, sender="", to=(), received_at=datetime(2026, 3, 2, tzinfo=UTC))
    with pytest.raises(UnexpectedPage, match="no survey link for 9"):
        respond(SurveySite(), mail=without_links, score=9, behaviour="press")
    assert LINKS.review(without_links) is None
    assert LINKS.review(MAIL) == f"{PUBLIC_URL}/r/tok"


def test_a_scanner_opens_every_own_link_and_resource_and_submits_nothing():
    site = SurveySite()
    opened_count = scan(MAIL, PUBLIC_URL, site.browser())
    assert opened_count == 13
    assert site.posts == []
    assert {
        "HEAD /s/tok",
        "GET /s/tok",
        "HEAD /u/tok",
        "GET /u/tok",
        "HEAD /r/tok",
        "GET /r/tok",
        "GET /page.js",
    } == set(site.visits)


def test_a_script_that_could_submit_something_by_itself_raises_unexpected_page():
    site = SurveySite()
    site.script = "fetch('/s/tok', {method: 'POST'})"
    with pytest.raises(UnexpectedPage, match=r"could send something by itself \(fetch\(\)"):
        scan(MAIL, PUBLIC_URL, site.browser())
