"""A changed answer changes what has not happened yet, and updates what has."""

from __future__ import annotations


def test_a_late_comment_updates_the_same_ticket(house):
    token = house.surveyed()
    house.answer(token, 2)
    house.run()
    house.clock.forward("10m")
    house.answer(token, 2, "Personne ne répond")
    house.run()
    assert len(house.desk.tickets) == 1
    update = house.desk.updates[0]
    assert "Personne ne répond" in update.body
    assert update.ticket_id == house.deliveries("open_ticket")[0].receipt_id


def test_a_comment_within_the_settling_time_goes_into_the_ticket_itself(house):
    token = house.surveyed()
    house.answer(token, 2, sent=False)
    house.clock.forward("5s")
    house.answer(token, 2, "Trop cher", sent=False)
    house.clock.forward("20s")
    house.run()
    assert [draft.response.comment for draft in house.desk.items] == ["Trop cher"]
    assert house.desk.updates == []


def test_a_detractor_who_corrects_himself_before_the_ticket_gets_none(house):
    token = house.surveyed()
    house.answer(token, 0, sent=False)
    house.clock.forward("12s")
    house.answer(token, 10)
    house.clock.forward("1m")
    house.run()
    assert house.desk.items == house.bell.items == []
    assert house.states()["open_ticket"] == house.states()["send_alert"] == "cancelled"
    assert house.crm.scores == {"1": 10}


def test_a_detractor_again_after_a_correction_gets_his_ticket_after_all(house):
    token = house.surveyed()
    for score in (0, 10, 1):
        house.answer(token, score, sent=False)
        house.clock.forward("11s")
    house.clock.forward("30s")
    house.run()
    assert [draft.response.score for draft in house.desk.items] == [1]


def test_a_promoter_who_turns_detractor_gets_the_invitation_reworded_and_delayed(house):
    token = house.surveyed()
    house.answer(token, 10)
    house.run()
    house.clock.forward("1h")
    house.answer(token, 3)
    house.run()
    house.clock.forward("2h")
    house.run()
    assert len(house.post.items) == 1
    row = house.deliveries("invite_review")[0]
    assert (row.state, row.options["lead"]) == ("pending", "help")
    house.clock.forward("14d")
    house.run()
    assert len(house.post.sent("review_invitation")) == 1


def test_only_the_newest_score_is_written(house):
    token = house.surveyed()
    for score in (3, 8, 9):
        house.answer(token, score, sent=False)
        house.clock.forward("11s")
    house.clock.forward("1m")
    house.run()
    assert [update.response.score for update in house.crm.items] == [9]
    assert [row.state for row in house.deliveries("write_score")] == ["cancelled", "cancelled", "succeeded"]


def test_a_changed_score_after_writing_is_written_again_with_the_history_of_other_surveys_only(house):
    token = house.surveyed()
    house.answer(token, 3)
    house.run()
    house.clock.forward("11s")
    house.answer(token, 9)
    house.run()
    assert [update.response.score for update in house.crm.items] == [3, 9]
    assert [update.response.revision for update in house.crm.items] == [1, 2]
    assert house.crm.items[1].history == ()


def test_an_update_waits_until_its_ticket_exists(house):
    from nps_connect import RetryLater

    token = house.surveyed()
    house.desk.raising = [RetryLater("down")]
    house.answer(token, 2)
    house.run()
    house.desk.raising = [RetryLater("still down")] * 2
    house.clock.forward("11s")
    house.answer(token, 1, "Encore pire")
    house.run()
    assert [row.state for row in house.deliveries("update_ticket")] == ["held"]
    for _ in range(3):
        house.clock.forward("1m")
        house.run()
    assert len(house.desk.tickets) == 1
    assert [update.response.score for update in house.desk.updates] == [1]


def test_the_second_survey_tells_the_first_answer_as_history(house):
    house.answer(house.surveyed(), 4)
    house.run()
    house.clock.forward("100d")
    token = house.surveyed()
    house.answer(token, 9)
    house.run()
    update = house.crm.items[-1]
    assert (update.response_count, [earlier.score for earlier in update.history]) == (2, [4])
