"""Accessibility of the pages: axe in every state and colour scheme, and checks beyond axe."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from support.chromium_browser import wait_until_loaded

STATES = {
    "open": "/s/marie",
    "chosen": "/s/marie?score=9",
    "expired": "/s/late",
    "unknown": "/s/nobody",
    "unsubscribe": "/u/stop",
}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def violations(page):
    rules = Axe().run(wait_until_loaded(page), options=RULES).response["violations"]
    return [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in rules]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", STATES)
def test_axe_reports_no_violation(visit, state, scheme):
    page = visit("small", scheme=scheme)
    page.goto(STATES[state])
    assert violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("score", [2, 8, 10])
def test_axe_reports_no_violation_on_the_thank_you_pages(visit, screenshot, score, scheme):
    page = visit("phone", scheme=scheme)
    page.goto("/s/marie")
    page.get_by_role("button", name=f"{score} sur 10").click()
    assert violations(page) == []
    screenshot(page, f"thanks-{score}-{scheme}")
    page.goto("/s/marie?score=5")
    assert violations(page) == []
    page.get_by_role("button", name="Envoyer").click()
    assert violations(page) == []
    page.get_by_text("Modifier ma réponse").click()
    assert violations(page) == []


@pytest.mark.parametrize("path", [*STATES.values(), "/s/paul?score=10"])
def test_nothing_is_cut_off_on_the_smallest_phone(visit, path):
    page = visit("small")
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_scores_are_large_enough_to_tap(visit):
    page = visit("small")
    page.goto("/s/marie?score=9")
    boxes = [button.bounding_box() for button in page.get_by_role("main").get_by_role("button").all()]
    assert len(boxes) == 12
    assert all(box["height"] >= 44 and box["width"] >= 40 for box in boxes)


def test_the_page_mirrors_for_right_to_left_languages(visit, screenshot):
    page = visit("small")
    page.goto("/s/marie?score=9")
    page.evaluate("document.documentElement.dir = 'rtl'")
    first, second = (page.get_by_role("button", name=f"{score} sur 10", exact=True).bounding_box() for score in (0, 1))
    assert first["x"] > second["x"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    screenshot(page, "mirrored")


def test_text_can_be_enlarged_to_200_percent(visit):
    page = visit("small")
    page.goto("/s/marie?score=9")
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_the_chosen_score_is_visible_without_colours(visit, screenshot):
    page = visit("phone", forced_colors="active")
    page.goto("/s/marie?score=9")
    widths = {
        score: page.get_by_role("button", name=f"{score} sur 10", exact=True).evaluate(
            "button => getComputedStyle(button).borderTopWidth"
        )
        for score in (8, 9)
    }
    assert widths[8] != widths[9]
    screenshot(page, "forced-colours")
