"""The digest in a real browser: accessible, whole on a phone, readable in Outlook and in dark mode."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from support.sample_digests import embed_trend, sample_digest
from support.sample_mails import render_as_outlook

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
BACKGROUND = "element => getComputedStyle(element).backgroundColor"


@pytest.mark.parametrize(
    ("language", "device", "scheme"), [("fr", "phone", "dark"), ("en", "desktop", "light"), ("fr", "small", "light")]
)
def test_axe_finds_nothing_and_nothing_is_cut_off(visit, screenshot, language, device, scheme):
    page = visit(device, scheme=scheme)
    page.set_content(embed_trend(sample_digest(language).html))
    violations = Axe().run(page, options=RULES).response["violations"]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in violations] == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.locator("img").evaluate("image => image.naturalWidth") > 0
    screenshot(page, f"mail-digest-{language}-{device}-{scheme}")


def test_outlook_shows_bars_pills_and_the_button(visit, screenshot):
    page = visit("desktop")
    page.set_content(render_as_outlook(embed_trend(sample_digest("en").html)))
    screenshot(page, "mail-digest-outlook")
    for pill in page.locator("td.on").all():
        assert pill.bounding_box()["width"] == pill.bounding_box()["height"] == 36
    bar = page.locator("td.promoter[height='12']").bounding_box()
    assert bar["height"] >= 12
    assert bar["width"] > page.locator("td.detractor[height='12']").bounding_box()["width"]
    assert page.locator("td.button").evaluate(BACKGROUND) == "rgb(23, 78, 166)"


def test_outlook_on_the_web_gets_the_dark_colours(visit):
    page = visit("phone", scheme="light")
    html = embed_trend(sample_digest("fr").html)
    page.set_content(html.replace("<body", "<div data-ogsc data-ogsb").replace("</body", "</div"))
    assert page.locator("table.card").evaluate(BACKGROUND) == "rgb(29, 36, 45)"
    assert page.locator("td.detractor").first.evaluate(BACKGROUND) == "rgb(212, 99, 61)"
    assert page.locator("span.due").first.evaluate(BACKGROUND) == "rgb(61, 49, 23)"
