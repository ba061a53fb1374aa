"""Cases: opened with the ticket, solved and reopened by the helpdesk."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from support.recovery_scenarios import case_of, create_detractor_case, send_ticket_event

from nps_connect import Rejected
from nps_connect.ledger.cases import CaseRow


def test_a_ticket_opens_a_case_with_its_deadline(build):
    application = build(cases={"owner_field": "owner"})
    case = create_detractor_case(application, fields={"owner": "17"})
    assert (case.state, case.connection, case.ticket_id, case.owner) == (
        "open",
        "helpdesk",
        "EventfulHelpdesk-1-0",
        "17",
    )
    assert case.deadline == application.desk.items[0].deadline
    assert case.opened_at == application.clock()


def test_a_failed_ticket_opens_no_case(application):
    application.desk.raising = [Rejected("no")]
    application.answer(application.surveyed(), 2)
    application.answer(application.surveyed("2", "paul@example.com"), 9)
    application.run()
    with application.ledger.read() as session:
        assert session.execute(select(CaseRow)).scalars().all() == []


def test_a_solved_ticket_solves_its_case_with_the_helpdesks_times(application):
    create_detractor_case(application)
    application.clock.forward("5h")
    send_ticket_event(application, "ticket.solved", first_reply_minutes=42, solve_minutes=299)
    case = case_of(application)
    assert (case.state, case.first_reply_minutes, case.solve_minutes) == ("solved", 42, 299)
    assert case.solved_at == application.clock()


def test_a_ticket_that_is_open_when_it_is_read_does_not_solve_its_case(application):
    create_detractor_case(application)
    application.clock.forward("5h")
    send_ticket_event(application, "ticket.solved", is_open=True)
    assert case_of(application).state == "open"


def test_without_times_of_the_helpdesk_the_time_to_solve_is_measured(application):
    create_detractor_case(application)
    application.clock.forward("5h")
    send_ticket_event(application, "ticket.closed")
    case = case_of(application)
    assert (case.state, case.first_reply_minutes, case.solve_minutes) == ("solved", None, 300)


def test_a_reopened_ticket_reopens_its_case(application):
    create_detractor_case(application)
    application.clock.forward("1h")
    send_ticket_event(application, "ticket.solved")
    application.clock.forward("1h")
    send_ticket_event(application, "ticket.reopened")
    case = case_of(application)
    assert (case.state, case.solved_at, case.reopened) == ("open", None, 1)
    application.clock.forward("1h")
    send_ticket_event(application, "ticket.solved", solve_minutes=180)
    assert (case_of(application).state, case_of(application).solve_minutes) == ("solved", 180)


def test_an_older_event_does_not_undo_a_newer_one(application):
    opened = create_detractor_case(application).opened_at
    application.clock.forward("3h")
    send_ticket_event(application, "ticket.solved", at=opened + timedelta(hours=2))
    send_ticket_event(application, "ticket.reopened", at=opened + timedelta(hours=1))
    assert case_of(application).state == "solved"


def test_events_of_other_tickets_are_ignored(application):
    create_detractor_case(application)
    send_ticket_event(application, "ticket.solved", ticket="another")
    assert case_of(application).state == "open"


def test_a_new_comment_of_a_detractor_reopens_a_solved_case(application):
    token = application.surveyed()
    application.answer(token, 2)
    application.run()
    send_ticket_event(application, "ticket.solved")
    application.clock.forward("1h")
    application.answer(token, 1, "Toujours rien")
    application.run()
    assert (case_of(application).state, case_of(application).reopened) == ("open", 1)
