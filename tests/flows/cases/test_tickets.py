"""Cases: opened with the ticket, solved and reopened by the helpdesk."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from support.recovering import case_of, detractor, tell

from nps_connect import (
    Rejected,
)
from nps_connect.ledger.cases import CaseRow


def test_a_ticket_opens_a_case_with_its_deadline(build):
    house = build(cases={"owner_field": "owner"})
    case = detractor(house, fields={"owner": "17"})
    assert (case.state, case.connection, case.ticket_id, case.owner) == ("open", "helpdesk", "TellingDesk-1-0", "17")
    assert case.deadline == house.desk.items[0].deadline
    assert case.opened_at == house.clock()


def test_no_ticket_no_case(house):
    house.desk.raising = [Rejected("no")]
    house.answer(house.surveyed(), 2)
    house.answer(house.surveyed("2", "paul@example.com"), 9)
    house.run()
    with house.ledger.read() as session:
        assert session.execute(select(CaseRow)).scalars().all() == []


def test_a_solved_ticket_solves_its_case_with_the_helpdesks_times(house):
    detractor(house)
    house.clock.forward("5h")
    tell(house, "ticket.solved", first_reply_minutes=42, solve_minutes=299)
    case = case_of(house)
    assert (case.state, case.first_reply_minutes, case.solve_minutes) == ("solved", 42, 299)
    assert case.solved_at == house.clock()


def test_without_measured_times_the_time_to_solve_is_our_own(house):
    detractor(house)
    house.clock.forward("5h")
    tell(house, "ticket.closed")
    case = case_of(house)
    assert (case.state, case.first_reply_minutes, case.solve_minutes) == ("solved", None, 300)


def test_a_reopened_ticket_opens_its_case_again(house):
    detractor(house)
    house.clock.forward("1h")
    tell(house, "ticket.solved")
    house.clock.forward("1h")
    tell(house, "ticket.reopened")
    case = case_of(house)
    assert (case.state, case.solved_at, case.reopened) == ("open", None, 1)
    house.clock.forward("1h")
    tell(house, "ticket.solved", solve_minutes=180)
    assert (case_of(house).state, case_of(house).solve_minutes) == ("solved", 180)


def test_older_news_do_not_undo_newer_ones(house):
    opened = detractor(house).opened_at
    house.clock.forward("3h")
    tell(house, "ticket.solved", at=opened + timedelta(hours=2))
    tell(house, "ticket.reopened", at=opened + timedelta(hours=1))
    assert case_of(house).state == "solved"


def test_other_tickets_are_none_of_our_cases(house):
    detractor(house)
    tell(house, "ticket.solved", ticket="another")
    assert case_of(house).state == "open"


def test_what_an_unhappy_customer_adds_after_the_solution_opens_the_case_again(house):
    token = house.surveyed()
    house.answer(token, 2)
    house.run()
    tell(house, "ticket.solved")
    house.clock.forward("1h")
    house.answer(token, 1, "Toujours rien")
    house.run()
    assert (case_of(house).state, case_of(house).reopened) == ("open", 1)
