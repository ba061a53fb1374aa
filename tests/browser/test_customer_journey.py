"""From the mail to the thank-you page."""

from datetime import UTC, datetime

import pytest
from support.chromium_browser import wait_until_loaded

from nps_connect.rendering.mails import Sender, render_survey_mail

SENT = {"fr": "Envoyer ma réponse\u00a0: {}", "en": "Send my answer: {}"}
THANKS = {"fr": "Merci\u202f!", "en": "Thank you!"}
TOKEN = {"fr": "marie", "en": "paul"}


def render_mail(address, language):
    sender = Sender(
        company="Exemple SA",
        help_address="care@example.com",
        privacy_notice_url="https://www.example.com/privacy",
        postal_address="1 rue de l’Exemple, 75000 Paris",
    )
    return render_survey_mail(
        language=language,
        sender=sender,
        name="Marie Martin",
        touchpoint="purchase",
        question=None,
        survey_url=f"{address}/s/{TOKEN[language]}",
        unsubscribe_url=f"{address}/u/stop",
        expires_at=datetime(2026, 5, 2, tzinfo=UTC),
    )


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("javascript", [True, False], ids=["js", "no-js"])
@pytest.mark.parametrize("device", ["phone", "small", "desktop"])
def test_from_the_mail_to_the_thank_you_page(visit, backend, address, screenshot, device, javascript, language):
    page = visit(device, javascript=javascript)
    page.set_content(render_mail(address, language).html)
    screenshot(page, f"mail-{language}-{device}")
    page.get_by_role("link", name="9 sur 10" if language == "fr" else "9 out of 10").click()
    screenshot(page, f"chosen-{language}-{device}")
    assert backend.responses == []

    page.get_by_role("textbox").fill("Livraison rapide, merci !")
    page.get_by_role("button", name=SENT[language].format(9)).click()
    assert page.get_by_role("heading", level=1).inner_text() == THANKS[language]
    screenshot(page, f"thanks-{language}-{device}")
    response = backend.responses[0]
    assert (response.score, response.comment, response.sent, response.language) == (
        9,
        "Livraison rapide, merci !",
        True,
        language,
    )
    assert "Livraison rapide" not in page.content()
    assert {url.split("/s/")[0] for _method, url in page.requests} == {address}
    assert page.errors == []


@pytest.mark.parametrize("javascript", [True, False], ids=["js", "no-js"])
def test_one_click_submits_and_a_comment_can_follow(visit, backend, screenshot, javascript):
    page = visit("phone", javascript=javascript)
    page.goto("/s/paul")
    screenshot(page, "open-en-phone")
    page.get_by_role("button", name="2 out of 10").click()
    screenshot(page, "detractor-en-phone")
    assert [(response.score, response.sent) for response in backend.responses] == [(2, False)]
    page.get_by_role("textbox").fill("Broken on arrival")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Send my answer: 2").click()
    wait_until_loaded(page)
    last = backend.responses[-1]
    assert (last.score, last.comment, last.sent, last.do_not_contact) == (2, "Broken on arrival", True, True)
    screenshot(page, "detractor-sent-en-phone")


@pytest.mark.parametrize("javascript", [True, False], ids=["js", "no-js"])
def test_the_response_can_be_changed(visit, backend, javascript):
    page = visit("phone", javascript=javascript)
    page.goto("/s/paul?score=9")
    page.get_by_role("button", name="Send my answer: 9").click()
    page.get_by_text("Change my answer").click()
    page.get_by_role("button", name="4 out of 10").click()
    assert "your score: 4 out of 10" in wait_until_loaded(page).content()
    assert [response.score for response in backend.responses] == [9, 4]


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_survey_can_be_answered_by_keyboard(visit, backend, language):
    page = visit("desktop")
    page.goto(f"/s/{TOKEN[language]}?score=9")
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """() => { const at = document.activeElement, style = getComputedStyle(at);
            return [at.tagName, at.name || '', at.value || '', style.outlineStyle, parseFloat(style.outlineWidth)] }"""
        )
        reached.append(tuple(focused[:3]))
        assert focused[3] != "none", f"no visible focus on {focused}"
        assert focused[4] >= 2
        if focused[1] == "send":
            break
        if focused[1] == "comment":
            page.keyboard.type("ok")
    assert [value for _tag, name, value in reached if name == "score"] == [str(score) for score in range(11)]
    assert backend.responses == []
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:has-text('!')")
    assert [(response.score, response.comment, response.sent) for response in backend.responses] == [(9, "ok", True)]


def test_a_score_can_be_chosen_by_keyboard(visit, backend):
    page = visit("desktop")
    page.goto("/s/paul")
    page.get_by_role("button", name="7 out of 10").focus()
    page.keyboard.press("Space")
    page.wait_for_selector("text=Thank you!")
    assert [response.score for response in backend.responses] == [7]


def test_a_double_click_submits_once(visit, backend):
    page = visit("desktop")
    page.goto("/s/paul")
    page.get_by_role("button", name="7 out of 10").dblclick()
    page.wait_for_selector("text=Thank you!")
    assert [response.score for response in backend.responses] == [7]


def test_reload_and_back_submit_nothing_again(visit, backend):
    page = visit("phone")
    page.goto("/s/paul?score=9")
    page.get_by_role("button", name="Send my answer: 9").click()
    page.get_by_role("heading", name="Thank you!").wait_for()
    page.reload()
    assert page.get_by_role("heading", level=1).inner_text() == "Thank you!"
    page.go_back()
    page.go_forward()
    assert len(backend.responses) == 1


def test_the_language_can_be_switched(visit, backend, screenshot):
    page = visit("phone")
    page.goto("/s/marie?score=8")
    page.get_by_role("button", name="English").click()
    page.get_by_role("button", name="Send my answer: 8").wait_for()
    screenshot(page, "switched-en-phone")
    assert backend.responses == []


@pytest.mark.parametrize("javascript", [True, False], ids=["js", "no-js"])
def test_unsubscribing_requires_a_click(visit, backend, screenshot, javascript):
    page = visit("phone", javascript=javascript)
    page.goto("/s/marie")
    page.get_by_role("link", name="Se désinscrire").click()
    screenshot(page, "unsubscribe-fr-phone")
    assert backend.unsubscribed == []
    page.get_by_role("button").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Vous ne recevrez plus ces messages"
    assert backend.unsubscribed == ["stop"]
    screenshot(page, "unsubscribed-fr-phone")


@pytest.mark.parametrize(("path", "name"), [("/s/late", "expired"), ("/s/nobody", "unknown")])
def test_expired_and_unknown_links_show_a_heading(visit, screenshot, path, name):
    page = visit("phone", locale="fr-FR")
    page.goto(path)
    assert page.get_by_role("heading", level=1).is_visible()
    screenshot(page, f"{name}-fr-phone")
