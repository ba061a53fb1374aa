"""The follow-up after a solved case: once, unless somebody objects; a better score is a recovery."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from support.recovering import case_of, detractor, followed_up, reason, tell

from nps_connect.ledger.tables import DecisionRow, InvitationRow


def test_the_loop_detractor_ticket_solved_follow_up_promoter(house):
    detractor(house)
    token = followed_up(house)
    house.answer(token, 9, "Merci, tout est réglé")
    house.run()
    case = case_of(house)
    assert (case.recovered_score, case.recovered_at) == (9, house.clock())
    update = house.desk.updates[-1]
    assert update.ticket_id == "TellingDesk-1-0"
    assert "nps-recovered" in update.tags
    assert (update.priority, update.response.score) == ("low", 9)
    assert "Merci, tout est réglé" in update.body
    assert len(house.desk.tickets) == 1
    assert reason(house) == [("yes", "surveyed")]


def test_the_follow_up_is_exempt_from_the_cooldown_and_starts_it_anew(house):
    detractor(house)
    followed_up(house)
    house.clock.forward("89d")
    house.webhook(house.won("1", deal="another"))
    house.run()
    with house.ledger.read() as session:
        decision = session.execute(select(DecisionRow).order_by(DecisionRow.id.desc())).scalars().first()
    assert (decision.verdict, decision.reason) == ("no", "cooldown")


def test_a_recovery_that_is_taken_back_is_none(house):
    detractor(house)
    token = followed_up(house)
    house.answer(token, 8)
    house.clock.forward("5m")
    house.answer(token, 3)
    assert case_of(house).recovered_at is None
    house.clock.forward("1m")
    house.run()
    assert house.desk.updates == []
    assert len(house.desk.tickets) == 2


def test_a_second_detractor_answer_is_a_case_without_another_follow_up(house):
    detractor(house)
    house.answer(followed_up(house), 3, "Encore")
    house.run()
    house.clock.forward("1h")
    tell(house, "ticket.solved", ticket="TellingDesk-2-0")
    assert reason(house) == [("yes", "surveyed"), ("no", "cooldown")]


def test_a_detractor_who_corrects_the_answer_is_recovered_without_a_follow_up(house):
    token = house.surveyed()
    house.answer(token, 2)
    house.run()
    house.clock.forward("5m")
    house.answer(token, 9)
    house.run()
    assert case_of(house).recovered_score == 9
    tell(house, "ticket.solved")
    assert reason(house) == [("no", "filter")]


def test_a_reopened_ticket_calls_the_follow_up_off_and_the_next_solution_plans_it_again(house):
    detractor(house)
    tell(house, "ticket.solved")
    house.clock.forward("1d")
    tell(house, "ticket.reopened")
    house.clock.forward("3d")
    house.run()
    assert len(house.post.sent("survey")) == 1
    tell(house, "ticket.solved")
    house.clock.forward("3d")
    house.run()
    assert len(house.post.sent("survey")) == 2


def test_a_ticket_solved_twice_is_followed_up_once(house):
    detractor(house)
    followed_up(house)
    tell(house, "ticket.reopened")
    house.clock.forward("1h")
    tell(house, "ticket.solved")
    house.clock.forward("5d")
    house.run()
    assert len(house.post.sent("survey")) == 2
    assert reason(house) == [("yes", "surveyed"), ("no", "cooldown")]


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_opt_out_has_the_last_word(house, when):
    detractor(house)
    token = house.token("marie@example.com", "u")
    if when == "before":
        house.doors.unsubscribe(token)
    tell(house, "ticket.solved")
    if when == "after":
        house.doors.unsubscribe(token)
    house.clock.forward("4d")
    house.run()
    assert len(house.post.sent("survey")) == 1
    assert reason(house) == ([("no", "suppressed")] if when == "before" else [("yes", "surveyed")])


def test_an_opt_out_in_the_crm_counts_when_the_mail_is_due(house):
    detractor(house)
    tell(house, "ticket.solved")
    house.crm.knows("1", "marie@example.com", opted_out=True)
    house.clock.forward("4d")
    house.run()
    assert len(house.post.sent("survey")) == 1


def test_who_asked_not_to_be_contacted_is_not(house):
    house.answer(house.surveyed(), 2, no_contact=True)
    house.run()
    tell(house, "ticket.solved")
    assert reason(house) == [("no", "opted_out")]


def test_a_plugin_may_refuse_the_follow_up_but_not_for_the_ticket_being_our_own(house):
    detractor(house)
    house.desk.vetoing = "a lawsuit"
    tell(house, "ticket.solved")
    assert reason(house) == [("no", "veto")]


def test_an_old_solution_leads_to_nothing(house):
    opened = detractor(house).opened_at
    house.clock.forward("10d")
    tell(house, "ticket.solved", at=opened + timedelta(hours=1))
    assert case_of(house).state == "solved"
    assert reason(house) == [("no", "too_old")]


def test_without_the_setting_nobody_is_followed_up(build):
    house = build(recovery={})
    detractor(house)
    tell(house, "ticket.solved")
    house.clock.forward("10d")
    house.run()
    assert reason(house) == []
    with house.ledger.read() as session:
        assert len(session.execute(select(InvitationRow)).scalars().all()) == 1
