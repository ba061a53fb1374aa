"""A bot that opens a page, runs its script and does everything but activate a button confirms nothing."""

import pytest

from nps_connect.records.pages import FollowUpQuestion

QUESTIONS = (
    FollowUpQuestion(name="why", question="What is the reason?", segments=("detractor",)),
    FollowUpQuestion(name="speed", question="And the delay?", choices=("Fine", "Too long"), segments=("detractor",)),
)


@pytest.mark.parametrize("token", ["marie", "marie?score=9"])
def test_moving_scrolling_focusing_and_typing_confirm_nothing(visit, backend, token):
    page = visit("desktop")
    page.goto(f"/s/{token}")
    for button in page.get_by_role("button").all():
        button.hover()
        button.focus()
    page.mouse.wheel(0, 2000)
    page.mouse.move(10, 10)
    for field in page.locator("input, textarea").all():
        if field.is_visible():
            field.focus()
            page.keyboard.type("9")
            page.keyboard.press("Enter")
            page.keyboard.press("Escape")
    page.evaluate("window.dispatchEvent(new Event('beforeunload'))")
    page.get_by_role("checkbox").check()
    page.wait_for_timeout(300)
    page.goto("about:blank")
    assert backend.responses == []
    assert {method for method, _url in page.requests} == {"GET"}


@pytest.mark.parametrize("path", ["s/marie", "s/paul?score=2", "s/answered?score=3", "s/late", "s/nobody", "u/stop"])
def test_no_page_submits_anything_without_a_button(visit, backend, path):
    backend.follow_ups = QUESTIONS
    page = visit("desktop")
    if "answered" in path:
        page.goto("/s/marie")
        page.get_by_role("button", name="9 sur 10").click()
        page.get_by_role("heading", name="Merci").wait_for()
        path = path.replace("answered", "marie")
    responses = len(backend.responses)
    page.goto(f"/{path}")
    page.requests.clear()
    for _ in range(30):
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowDown")
        page.keyboard.type("x9")
    for button in page.get_by_role("button").all():
        button.hover()
    page.mouse.wheel(0, 4000)
    page.evaluate(
        "for (const name of ['change', 'blur', 'scroll', 'pagehide']) document.dispatchEvent(new Event(name))"
    )
    page.goto("about:blank")
    assert page.requests == []
    assert len(backend.responses) == responses
    assert backend.unsubscribed == []


def test_enter_on_the_checkbox_submits_nothing(visit, backend):
    page = visit("desktop", javascript=False)
    page.goto("/s/marie?score=0")
    page.get_by_role("checkbox").focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert backend.responses == []


def test_opening_every_link_of_a_page_confirms_nothing(visit, backend):
    page = visit("desktop")
    page.goto("/s/marie?score=9")
    links = page.eval_on_selector_all("a[href^='./'], a[href^='../']", "links => links.map(link => link.href)")
    assert links
    for link in links:
        page.goto(link)
    assert backend.responses == []
    assert backend.unsubscribed == []
