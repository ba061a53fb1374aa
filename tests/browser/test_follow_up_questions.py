"""Follow-up questions and company colours in a real browser: accessible, usable without JavaScript."""

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
def test_follow_up_questions_are_submitted_with_the_score(visit, backend, screenshot, javascript):
    backend.follow_ups = QUESTIONS
    page = visit("small", javascript=javascript)
    page.goto("/s/paul?score=2")
    page.get_by_label("What is the reason?").fill("Broken")
    page.get_by_label("Too long").check()
    screenshot(page, "further-questions-en-small")
    page.get_by_role("button", name="Send my answer: 2").click()
    wait_until_loaded(page)
    assert backend.responses[-1].follow_up == {"why": "Broken", "speed": "Too long"}
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("colour", ["#ffcc00", "#3a0ca3"])
def test_axe_reports_no_violation_in_any_company_colour(visit, backend, screenshot, scheme, colour):
    backend.colour, backend.follow_ups = colour, QUESTIONS
    page = visit("phone", scheme=scheme)
    page.goto("/s/paul?score=2")
    violations = Axe().run(wait_until_loaded(page), options=RULES).response["violations"]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in violations] == []
    screenshot(page, f"colour-{colour[1:]}-{scheme}")
