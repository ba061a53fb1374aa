"""A changed response changes deliveries that have not started and updates those that have."""

from __future__ import annotations


def test_a_late_comment_updates_the_same_ticket(application):
    token = application.surveyed()
    application.answer(token, 2)
    application.run()
    application.clock.forward("10m")
    application.answer(token, 2, "Personne ne répond")
    application.run()
    assert len(application.desk.tickets) == 1
    update = application.desk.updates[0]
    assert "Personne ne répond" in update.body
    assert update.ticket_id == application.deliveries("open_ticket")[0].receipt_id


def test_a_comment_within_the_grace_period_goes_into_the_ticket(application):
    token = application.surveyed()
    application.answer(token, 2, sent=False)
    application.clock.forward("5s")
    application.answer(token, 2, "Trop cher", sent=False)
    application.clock.forward("20s")
    application.run()
    assert [draft.response.comment for draft in application.desk.items] == ["Trop cher"]
    assert application.desk.updates == []


def test_a_correction_within_the_grace_period_cancels_ticket_and_alert(application):
    token = application.surveyed()
    application.answer(token, 0, sent=False)
    application.clock.forward("12s")
    application.answer(token, 10)
    application.clock.forward("1m")
    application.run()
    assert application.desk.items == application.bell.items == []
    assert application.states()["open_ticket"] == application.states()["send_alert"] == "cancelled"
    assert application.crm.scores == {"1": 10}


def test_a_second_correction_to_a_detractor_restores_the_ticket(application):
    token = application.surveyed()
    for score in (0, 10, 1):
        application.answer(token, score, sent=False)
        application.clock.forward("11s")
    application.clock.forward("30s")
    application.run()
    assert [draft.response.score for draft in application.desk.items] == [1]


def test_a_promoter_who_becomes_a_detractor_gets_the_help_wording_later(application):
    token = application.surveyed()
    application.answer(token, 10)
    application.run()
    application.clock.forward("1h")
    application.answer(token, 3)
    application.run()
    application.clock.forward("2h")
    application.run()
    assert len(application.post.items) == 1
    row = application.deliveries("invite_review")[0]
    assert (row.state, row.options["lead"]) == ("pending", "help")
    application.clock.forward("14d")
    application.run()
    assert len(application.post.sent("review_invitation")) == 1


def test_only_the_newest_score_is_written(application):
    token = application.surveyed()
    for score in (3, 8, 9):
        application.answer(token, score, sent=False)
        application.clock.forward("11s")
    application.clock.forward("1m")
    application.run()
    assert [update.response.score for update in application.crm.items] == [9]
    assert [row.state for row in application.deliveries("write_score")] == ["cancelled", "cancelled", "succeeded"]


def test_a_score_changed_after_writing_is_written_again_and_is_not_its_own_history(application):
    token = application.surveyed()
    application.answer(token, 3)
    application.run()
    application.clock.forward("11s")
    application.answer(token, 9)
    application.run()
    assert [update.response.score for update in application.crm.items] == [3, 9]
    assert [update.response.revision for update in application.crm.items] == [1, 2]
    assert application.crm.items[1].history == ()


def test_an_update_waits_until_its_ticket_exists(application):
    from nps_connect import RetryLater

    token = application.surveyed()
    application.desk.raising = [RetryLater("down")]
    application.answer(token, 2)
    application.run()
    application.desk.raising = [RetryLater("still down")] * 2
    application.clock.forward("11s")
    application.answer(token, 1, "Encore pire")
    application.run()
    assert [row.state for row in application.deliveries("update_ticket")] == ["held"]
    for _ in range(3):
        application.clock.forward("1m")
        application.run()
    assert len(application.desk.tickets) == 1
    assert [update.response.score for update in application.desk.updates] == [1]


def test_the_first_response_is_the_history_of_the_second_survey(application):
    application.answer(application.surveyed(), 4)
    application.run()
    application.clock.forward("100d")
    token = application.surveyed()
    application.answer(token, 9)
    application.run()
    update = application.crm.items[-1]
    assert (update.response_count, [earlier.score for earlier in update.history]) == (2, [4])
