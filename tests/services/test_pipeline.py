"""The pipeline from a CRM event to score, ticket, alert and review invitation."""

from __future__ import annotations

from support.clock import START


def test_a_promoter_leads_to_one_score_and_one_review_invitation(application):
    token = application.surveyed(name="Marie Martin", language="fr")
    assert [mail.kind for mail in application.post.items] == ["survey"]
    page = application.answer(token, 10, "Parfait")
    assert page.state == "answered"
    assert [review.title for review in page.reviews] == ["Stars"]
    application.run()
    assert application.crm.scores == {"1": 10}
    assert application.crm.items[0].response.comment == "Parfait"
    assert application.desk.items == application.bell.items == []
    assert len(application.post.items) == 1
    application.clock.forward("2h")
    application.run()
    invitation = application.post.items[1]
    assert invitation.kind == "review_invitation"
    assert application.token("marie@example.com", "r")
    assert application.states() == {
        "send_survey": "succeeded",
        "write_score": "succeeded",
        "invite_review": "succeeded",
    }


def test_a_detractor_leads_to_one_ticket_one_alert_and_a_help_mail(application):
    token = application.surveyed()
    application.answer(token, 2, "Trop lent")
    application.run()
    draft = application.desk.items[0]
    assert (draft.response.score, draft.priority) == (2, "urgent")
    assert "Trop lent" in draft.body
    assert "Trop lent" not in draft.subject
    assert len(application.bell.items) == 1
    application.clock.forward("14d")
    application.run()
    assert [mail.kind for mail in application.post.items] == ["survey", "review_invitation"]
    assert set(application.states().values()) == {"succeeded"}


def test_a_score_has_a_grace_period_which_the_send_button_ends(application):
    token = application.surveyed()
    application.answer(token, 3, sent=False)
    application.run()
    assert application.desk.items == application.crm.items == []
    application.clock.forward("20s")
    application.run()
    assert len(application.desk.items) == len(application.bell.items) == 1
    assert application.crm.items == []
    application.answer(token, 3, sent=True)
    application.run()
    assert application.crm.scores == {"1": 3}


def test_a_resent_webhook_and_a_double_click_are_idempotent(application):
    token = application.surveyed()
    application.webhook(application.won("1", at=START))
    application.run()
    for _ in range(3):
        application.answer(token, 9)
    application.run()
    application.clock.forward("5d")
    application.run()
    assert [mail.kind for mail in application.post.items] == ["survey", "review_invitation"]
    assert len(application.crm.items) == 1


def test_a_page_view_confirms_nothing_whatever_score_the_link_preselects(application):
    token = application.surveyed()
    for score in range(11):
        page = application.show(token, application.visit("GET", score))
        assert page.state == "open"
        assert page.score is None
    application.clock.forward("30d")
    application.run()
    assert [row.action for row in application.deliveries()] == ["send_survey"]
