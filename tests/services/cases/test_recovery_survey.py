"""The recovery survey after a solved case: sent once unless blocked; a better score recovers the customer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from support.recovery_scenarios import (
    case_of,
    create_detractor_case,
    recovery_decisions,
    send_recovery_survey,
    send_ticket_event,
)

from nps_connect.ledger.tables import DecisionRow, InvitationRow


def test_a_better_score_after_a_solved_case_updates_the_ticket(application):
    create_detractor_case(application)
    token = send_recovery_survey(application)
    application.answer(token, 9, "Merci, tout est réglé")
    application.run()
    case = case_of(application)
    assert (case.recovered_score, case.recovered_at) == (9, application.clock())
    update = application.desk.updates[-1]
    assert update.ticket_id == "EventfulHelpdesk-1-0"
    assert "nps-recovered" in update.tags
    assert (update.priority, update.response.score) == ("low", 9)
    assert "Merci, tout est réglé" in update.body
    assert len(application.desk.tickets) == 1
    assert recovery_decisions(application) == [("yes", "surveyed")]


def test_the_recovery_survey_ignores_the_cooldown_and_restarts_it(application):
    create_detractor_case(application)
    send_recovery_survey(application)
    application.clock.forward("89d")
    application.webhook(application.won("1", deal="another"))
    application.run()
    with application.ledger.read() as session:
        decision = session.execute(select(DecisionRow).order_by(DecisionRow.id.desc())).scalars().first()
    assert (decision.verdict, decision.reason) == ("no", "cooldown")


def test_a_recovery_can_be_withdrawn(application):
    create_detractor_case(application)
    token = send_recovery_survey(application)
    application.answer(token, 8)
    application.clock.forward("5m")
    application.answer(token, 3)
    assert case_of(application).recovered_at is None
    application.clock.forward("1m")
    application.run()
    assert application.desk.updates == []
    assert len(application.desk.tickets) == 2


def test_a_second_detractor_response_opens_a_case_without_another_recovery_survey(application):
    create_detractor_case(application)
    application.answer(send_recovery_survey(application), 3, "Encore")
    application.run()
    application.clock.forward("1h")
    send_ticket_event(application, "ticket.solved", ticket="EventfulHelpdesk-2-0")
    assert recovery_decisions(application) == [("yes", "surveyed"), ("no", "cooldown")]


def test_a_detractor_who_changes_the_response_is_recovered_without_a_recovery_survey(application):
    token = application.surveyed()
    application.answer(token, 2)
    application.run()
    application.clock.forward("5m")
    application.answer(token, 9)
    application.run()
    assert case_of(application).recovered_score == 9
    send_ticket_event(application, "ticket.solved")
    assert recovery_decisions(application) == [("no", "filter")]


def test_a_reopened_ticket_cancels_the_recovery_survey_and_the_next_solution_plans_it_again(application):
    create_detractor_case(application)
    send_ticket_event(application, "ticket.solved")
    application.clock.forward("1d")
    send_ticket_event(application, "ticket.reopened")
    application.clock.forward("3d")
    application.run()
    assert len(application.post.sent("survey")) == 1
    send_ticket_event(application, "ticket.solved")
    application.clock.forward("3d")
    application.run()
    assert len(application.post.sent("survey")) == 2


def test_a_ticket_solved_twice_has_one_recovery_survey(application):
    create_detractor_case(application)
    send_recovery_survey(application)
    send_ticket_event(application, "ticket.reopened")
    application.clock.forward("1h")
    send_ticket_event(application, "ticket.solved")
    application.clock.forward("5d")
    application.run()
    assert len(application.post.sent("survey")) == 2
    assert recovery_decisions(application) == [("yes", "surveyed"), ("no", "cooldown")]


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_opt_out_prevents_the_recovery_survey(application, when):
    create_detractor_case(application)
    token = application.token("marie@example.com", "u")
    if when == "before":
        application.backend.unsubscribe(token)
    send_ticket_event(application, "ticket.solved")
    if when == "after":
        application.backend.unsubscribe(token)
    application.clock.forward("4d")
    application.run()
    assert len(application.post.sent("survey")) == 1
    assert recovery_decisions(application) == ([("no", "suppressed")] if when == "before" else [("yes", "surveyed")])


def test_an_opt_out_in_the_crm_is_checked_before_sending(application):
    create_detractor_case(application)
    send_ticket_event(application, "ticket.solved")
    application.crm.knows("1", "marie@example.com", opted_out=True)
    application.clock.forward("4d")
    application.run()
    assert len(application.post.sent("survey")) == 1


def test_a_customer_who_asked_not_to_be_contacted_gets_no_recovery_survey(application):
    application.answer(application.surveyed(), 2, no_contact=True)
    application.run()
    send_ticket_event(application, "ticket.solved")
    assert recovery_decisions(application) == [("no", "opted_out")]


def test_a_plugin_may_veto_the_recovery_survey_but_not_because_of_our_own_ticket(application):
    create_detractor_case(application)
    application.desk.vetoing = "a lawsuit"
    send_ticket_event(application, "ticket.solved")
    assert recovery_decisions(application) == [("no", "veto")]


def test_a_late_reported_solution_has_no_recovery_survey(application):
    opened = create_detractor_case(application).opened_at
    application.clock.forward("10d")
    send_ticket_event(application, "ticket.solved", at=opened + timedelta(hours=1))
    assert case_of(application).state == "solved"
    assert recovery_decisions(application) == [("no", "too_old")]


def test_without_the_setting_there_is_no_recovery_survey(build):
    application = build(recovery={})
    create_detractor_case(application)
    send_ticket_event(application, "ticket.solved")
    application.clock.forward("10d")
    application.run()
    assert recovery_decisions(application) == []
    with application.ledger.read() as session:
        assert len(session.execute(select(InvitationRow)).scalars().all()) == 1
