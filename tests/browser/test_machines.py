"""A machine that opens the page, runs its script and does everything but press a button confirms nothing."""

import pytest


@pytest.mark.parametrize("token", ["marie", "marie?score=9"])
def test_moving_scrolling_focusing_and_typing_confirm_nothing(visit, doors, token):
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
    assert doors.answers == []
    assert {method for method, _url in page.loaded} == {"GET"}


def test_enter_on_the_checkbox_sends_nothing(visit, doors):
    page = visit("desktop", javascript=False)
    page.goto("/s/marie?score=0")
    page.get_by_role("checkbox").focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert doors.answers == []


def test_opening_every_link_of_a_page_confirms_nothing(visit, doors):
    page = visit("desktop")
    page.goto("/s/marie?score=9")
    links = page.eval_on_selector_all("a[href^='./'], a[href^='../']", "links => links.map(link => link.href)")
    assert len(links) >= 3
    for link in links:
        page.goto(link)
    assert doors.answers == []
    assert doors.unsubscribed == []
