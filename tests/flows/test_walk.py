"""One datum walks from a CRM event to the four effects."""

from __future__ import annotations

from support.clock import START


def test_a_promoter_gets_one_score_and_one_invitation_that_leads_with_the_review(house):
    token = house.surveyed(name="Marie Martin", language="fr")
    assert [mail.kind for mail in house.post.items] == ["survey"]
    page = house.answer(token, 10, "Parfait")
    assert page.state == "answered"
    assert [review.title for review in page.reviews] == ["Stars"]
    house.run()
    assert house.crm.scores == {"1": 10}
    assert house.crm.items[0].response.comment == "Parfait"
    assert house.desk.items == house.bell.items == []
    assert len(house.post.items) == 1
    house.clock.forward("2h")
    house.run()
    invitation = house.post.items[1]
    assert invitation.kind == "review_invitation"
    assert house.token("marie@example.com", "r")
    assert house.states() == {"send_survey": "succeeded", "write_score": "succeeded", "invite_review": "succeeded"}


def test_a_detractor_gets_one_ticket_one_alert_and_a_mail_that_leads_with_help(house):
    token = house.surveyed()
    house.answer(token, 2, "Trop lent")
    house.run()
    draft = house.desk.items[0]
    assert (draft.response.score, draft.priority) == (2, "urgent")
    assert "Trop lent" in draft.body
    assert "Trop lent" not in draft.subject
    assert len(house.bell.items) == 1
    house.clock.forward("14d")
    house.run()
    assert [mail.kind for mail in house.post.items] == ["survey", "review_invitation"]
    assert set(house.states().values()) == {"succeeded"}


def test_a_pressed_score_settles_before_its_effects_and_send_does_not(house):
    token = house.surveyed()
    house.answer(token, 3, sent=False)
    house.run()
    assert house.desk.items == house.crm.items == []
    house.clock.forward("20s")
    house.run()
    assert len(house.desk.items) == len(house.bell.items) == 1
    assert house.crm.items == []
    house.answer(token, 3, sent=True)
    house.run()
    assert house.crm.scores == {"1": 3}


def test_a_resent_webhook_and_a_doubled_click_add_nothing(house):
    token = house.surveyed()
    house.webhook(house.won("1", at=START))
    house.run()
    for _ in range(3):
        house.answer(token, 9)
    house.run()
    house.clock.forward("5d")
    house.run()
    assert [mail.kind for mail in house.post.items] == ["survey", "review_invitation"]
    assert len(house.crm.items) == 1


def test_opening_the_page_confirms_nothing_whatever_the_link_preselects(house):
    token = house.surveyed()
    for score in range(11):
        page = house.show(token, house.visit("GET", score))
        assert page.state == "open"
        assert page.score is None
    house.clock.forward("30d")
    house.run()
    assert [row.action for row in house.deliveries()] == ["send_survey"]
