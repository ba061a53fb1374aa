"""Further questions and a company's own colour, in a real browser: accessible, and answered without JavaScript."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from support.chromium_browser import wait_until_loaded

from nps_connect.records.pages import FollowUpQuestion

QUESTIONS = (
    FollowUpQuestion(name="why", question="What is the reason?", segments=("detractor",)),
    FollowUpQuestion(name="speed", question="And the delay?", choices=("Fine", "Too long"), segments=("detractor",)),
)
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.mark.parametrize("javascript", [True, False], ids=["js", "no-js"])
def test_further_questions_are_answered_with_the_score(visit, backend, picture, javascript):
    backend.follow_ups = QUESTIONS
    page = visit("small", javascript=javascript)
    page.goto("/s/paul?score=2")
    page.get_by_label("What is the reason?").fill("Broken")
    page.get_by_label("Too long").check()
    picture(page, "further-questions-en-small")
    page.get_by_role("button", name="Send my answer: 2").click()
    wait_until_loaded(page)
    assert backend.responses[-1].follow_up == {"why": "Broken", "speed": "Too long"}
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("colour", ["#ffcc00", "#3a0ca3"])
def test_axe_finds_nothing_in_any_company_colour(visit, backend, picture, scheme, colour):
    backend.colour, backend.follow_ups = colour, QUESTIONS
    page = visit("phone", scheme=scheme)
    page.goto("/s/paul?score=2")
    found = Axe().run(wait_until_loaded(page), options=RULES).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
    picture(page, f"colour-{colour[1:]}-{scheme}")
