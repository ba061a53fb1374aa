"""Customers and scanners meet a small survey page with the product's paths."""

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

HOUSE = "http://nps.example.com"
BUTTONS = "".join(f'<button name="score" value="{score}">{score}</button>' for score in range(11))
RADIOS = "".join(f'<input type="radio" name="score" value="{score}">' for score in range(11))
COMMENT = '<textarea name="comment"></textarea><button name="send" value="2">Send 2</button>'


class ApplicationHarness:
    """A survey page, told apart by how scores are offered; notes every request."""

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

    def browser(self, agent="tester"):
        return Browser(httpx.Client(transport=httpx.MockTransport(self)), agent)


def customer(**part):
    person = SimulatedPerson("ana@example.com", "Ana", "fr")
    return Customer(
        person, Persona(**part), "Très bien & vite" if part["habit"] in ("send", "press_then_comment") else None
    )


MAIL = parse_mail(
    "\r\n".join(
        [
            f"List-Unsubscribe: <{HOUSE}/u/tok>",
            "",
            *(f"{HOUSE}/s/tok?score={score}" for score in range(11)),
            f"{HOUSE}/r/tok",
            "https://www.example.com/privacy",
        ]
    ).encode(),
    number=1,
    sender="care@example.com",
    to=("ana@example.com",),
    received_at=datetime(2026, 3, 2, tzinfo=UTC),
)
LINKS = PersonalLinks(HOUSE)


def play(application, mail=MAIL, **part):
    respond_to_mail(customer(**part), mail, LINKS, application.browser())
    return application.posts


def test_a_press_is_all_that_some_do():
    assert play(ApplicationHarness(), score=10, habit="press") == [{"v": "1", "score": "10"}]


def test_where_scores_are_chosen_the_button_is_pressed_after():
    assert play(ApplicationHarness(scores=RADIOS), score=2, habit="press") == [{"v": "1", "score": "2", "send": "2"}]


def test_some_press_and_then_add_a_comment():
    first, second = play(ApplicationHarness(), score=2, habit="press_then_comment")
    assert first == {"v": "1", "score": "2"}
    assert second == {"v": "1", "comment": "Très bien & vite", "send": "2"}


def test_some_fill_in_everything_and_send():
    assert play(ApplicationHarness(), score=2, habit="send") == [{"v": "1", "comment": "Très bien & vite", "send": "2"}]


def test_without_a_button_of_its_own_a_comment_goes_with_the_score():
    application = ApplicationHarness(comment='<textarea name="comment"></textarea>')
    assert play(application, score=7, habit="send") == [{"v": "1", "comment": "Très bien & vite", "score": "7"}]


def test_a_nervous_finger_sends_the_same_twice():
    first, second = play(ApplicationHarness(), score=9, habit="send", presses_twice=True)
    assert first == second


def test_forms_are_sent_with_the_origin_of_a_private_page():
    application = ApplicationHarness()
    play(application, score=9, habit="press")
    assert application.origin == "null"


def test_some_only_look_and_some_not_even_that():
    application = ApplicationHarness()
    assert play(application, score=None, habit="look") == []
    assert application.visits == ["GET /s/tok"]
    assert play(application, score=None, habit="ignore") == []
    assert application.visits == ["GET /s/tok"]


@pytest.mark.parametrize(
    ("application", "habit", "complaint"),
    [
        (ApplicationHarness(scores=""), "press", "no form with score"),
        (ApplicationHarness(comment=""), "send", "no form with comment"),
        (ApplicationHarness(method="get"), "press", "must be posted"),
        (ApplicationHarness(status=500), "press", "answered with 500"),
    ],
)
def test_a_page_that_does_not_work_is_told(application, habit, complaint):
    with pytest.raises(UnexpectedPage, match=complaint):
        play(application, score=9, habit=habit)


def test_a_mail_without_survey_links_is_told():
    bare = parse_mail(b"\r\nhello", number=1, sender="", to=(), received_at=datetime(2026, 3, 2, tzinfo=UTC))
    with pytest.raises(UnexpectedPage, match="no survey link for 9"):
        play(ApplicationHarness(), mail=bare, score=9, habit="press")
    assert LINKS.review(bare) is None
    assert LINKS.review(MAIL) == f"{HOUSE}/r/tok"


def test_a_scanner_opens_every_link_and_part_here_and_presses_nothing():
    application = ApplicationHarness()
    opened = scan(MAIL, HOUSE, application.browser())
    assert opened == 13
    assert application.posts == []
    assert {
        "HEAD /s/tok",
        "GET /s/tok",
        "HEAD /u/tok",
        "GET /u/tok",
        "HEAD /r/tok",
        "GET /r/tok",
        "GET /page.js",
    } == set(application.visits)


def test_a_script_that_could_send_something_unpressed_is_told():
    application = ApplicationHarness()
    application.script = "fetch('/s/tok', {method: 'POST'})"
    with pytest.raises(UnexpectedPage, match=r"could send something by itself \(fetch\(\)"):
        scan(MAIL, HOUSE, application.browser())
