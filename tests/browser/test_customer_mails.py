"""Mails in a real browser: accessibility, dark mode, Outlook rendering, keyboard navigation."""

from itertools import pairwise

import pytest
from axe_playwright_python.sync_playwright import Axe
from support.sample_mails import (
    LOGO,
    SENDER,
    embed_logo,
    render_as_outlook,
    right_to_left_mail,
    sample_review_mail,
    sample_survey_mail,
)

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
WITH_LOGO = SENDER.model_copy(update={"logo": LOGO, "signed_by": "Claire Dupont"})
KINDS = {
    "survey": lambda language: sample_survey_mail(language, sender=WITH_LOGO),
    "reminder": lambda language: sample_survey_mail(language, reminder=True, test=True),
    "confirm": lambda language: sample_survey_mail(language, confirm=2),
    "review": sample_review_mail,
    "help": lambda language: sample_review_mail(language, "help"),
}
TOKEN = {"fr": "marie", "en": "paul"}
NINE = {"fr": "9 sur 10", "en": "9 out of 10"}
SEND = {"fr": "Envoyer ma réponse\u00a0: 9", "en": "Send my answer: 9"}
THANKS = {"fr": "Merci\u202f!", "en": "Thank you!"}
BACKGROUND = "element => getComputedStyle(element).backgroundColor"
TEXT_COLOUR = "element => getComputedStyle(element).color"
FOCUSED = """() => {
    const at = document.activeElement, style = getComputedStyle(at)
    return {name: at.getAttribute('aria-label') || at.innerText, outline: style.outlineStyle,
            height: at.getBoundingClientRect().height, field: at.name || ''}
}"""
WHITE = "rgb(255, 255, 255)"


@pytest.fixture
def both_screenshots(screenshot):
    """Stores a screenshot of each colour scheme."""

    def take_screenshots(page, name):
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            screenshot(page, f"{name}-{scheme}")

    return take_screenshots


def tab_to(page, name):
    """Press Tab until the link or button of that name has the focus; the focus must be visible at every stop."""
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        assert focused["outline"] != "none", f"no visible focus on {focused}"
        if focused["name"] == name:
            return
    raise AssertionError(f"Tab never reached {name}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("language", "device"), [("fr", "phone"), ("en", "desktop")])
@pytest.mark.parametrize("kind", KINDS)
def test_axe_reports_no_violation_in_a_mail(visit, screenshot, kind, language, device, scheme):
    page = visit(device, scheme=scheme)
    page.set_content(embed_logo(KINDS[kind](language).html))
    violations = Axe().run(page, options=RULES).response["violations"]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in violations] == []
    screenshot(page, f"mail-{kind}-{language}-{device}-{scheme}")


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_a_mail_is_cut_off_on_the_smallest_phone(visit, kind):
    page = visit("small")
    page.set_content(embed_logo(KINDS[kind]("fr").html))
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    for box in (cell.bounding_box() for cell in page.locator("a.number, a.label").all()):
        assert box["width"] >= 40
        assert box["height"] >= 44


def test_outlook_shows_scores_and_buttons_to_tap_too(visit, screenshot):
    page = visit("desktop")
    page.set_content(render_as_outlook(embed_logo(sample_survey_mail("fr", sender=WITH_LOGO, confirm=2).html)))
    screenshot(page, "mail-outlook")
    cells = page.locator("td.score").all()
    boxes = [cell.bounding_box() for cell in cells]
    assert len(boxes) == 11
    assert len({box["y"] for box in boxes}) == 1
    for cell, box in zip(cells, boxes, strict=True):
        assert box["width"] >= 40
        assert box["height"] >= 44
        assert cell.evaluate("cell => getComputedStyle(cell).borderTopWidth") == "1px"
        link = cell.locator("a").bounding_box()
        assert link["width"] >= 24
        assert abs(link["x"] + link["width"] / 2 - box["x"] - box["width"] / 2) < 1
    for before, after in pairwise(boxes):
        assert after["x"] - before["x"] - before["width"] >= 4
    button = page.locator("td.button")
    assert button.evaluate(BACKGROUND) == "rgb(23, 78, 166)"
    assert button.bounding_box()["height"] >= 44
    assert button.bounding_box()["width"] >= button.locator("a").bounding_box()["width"] + 40


def test_outlook_on_the_web_gets_the_dark_colours_without_asking_the_system(visit, screenshot):
    dark_page, marked_page = visit("phone", scheme="dark"), visit("phone", scheme="light")
    html = embed_logo(sample_survey_mail("fr", sender=WITH_LOGO, confirm=2).html)
    dark_page.set_content(html)
    marked_page.set_content(html.replace("<body", "<div data-ogsc data-ogsb").replace("</body", "</div"))
    screenshot(marked_page, "mail-outlook-on-the-web-dark")
    checks = [(name, BACKGROUND) for name in ("page", "card", "score", "button", "plate")]
    checks += [(name, TEXT_COLOUR) for name in ("ink", "soft", "link", "number", "label")]
    for name, script in checks:
        assert marked_page.locator(f".{name}").last.evaluate(script) == dark_page.locator(f".{name}").last.evaluate(
            script
        )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_dark_transparent_logo_is_visible(visit, scheme):
    page = visit("phone", scheme=scheme)
    page.set_content(embed_logo(sample_survey_mail("fr", sender=WITH_LOGO).html))
    plate, image = page.locator("td.plate"), page.get_by_role("img", name="Exemple SA")
    assert plate.evaluate(BACKGROUND) == WHITE
    assert (image.bounding_box()["width"], image.bounding_box()["height"]) == (100, 40)
    assert image.bounding_box()["x"] - plate.bounding_box()["x"] >= 6


def test_a_mail_mirrors_for_right_to_left_languages(visit, both_screenshots):
    page = visit("phone")
    page.set_content(embed_logo(right_to_left_mail()))
    page.evaluate("document.documentElement.removeAttribute('dir')")  # as webmail does
    first, second = (page.locator("a.number").nth(score).bounding_box() for score in (0, 1))
    assert first["x"] > second["x"]
    assert page.get_by_role("img", name="Exemple SA").bounding_box()["x"] > 195
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    both_screenshots(page, "mail-mirrored")


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("javascript", [True, False], ids=["js", "no-js"])
@pytest.mark.parametrize("device", ["phone", "desktop"])
def test_from_the_mail_to_the_thank_you_page_by_keyboard_only(
    visit, backend, address, both_screenshots, device, javascript, language
):
    shots = f"keyboard-{{}}-{language}-{device}-{'js' if javascript else 'plain'}"
    page = visit(device, javascript=javascript)
    page.set_content(
        sample_survey_mail(
            language, survey_url=f"{address}/s/{TOKEN[language]}", unsubscribe_url=f"{address}/u/stop"
        ).html
    )
    tab_to(page, NINE[language])
    both_screenshots(page, shots.format("mail"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/s/*score=9")
    assert backend.responses == []

    tab_to(page, SEND[language])
    both_screenshots(page, shots.format("page"))
    assert backend.responses == []
    page.keyboard.press("Space")
    page.get_by_role("heading", level=1, name=THANKS[language]).wait_for()
    both_screenshots(page, shots.format("thanks"))
    assert [(response.score, response.sent, response.language) for response in backend.responses] == [
        (9, True, language)
    ]
    assert {url.split("/s/")[0] for _method, url in page.requests} == {address}
    assert page.errors == []
