"""Scanners that are not seen by their newest opening alone: nobody is asked to confirm, or named to staff, because of them."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from support.house import House

from nps_connect.flows.minding.status import as_metrics, status
from nps_connect.flows.responding.unconfirmed import count_to_confirm, joined, signs_of, to_confirm
from nps_connect.ledger.tables import ResponseRow, VisitRow

QUIET_WEEKEND = {"limits": {"quiet_hours": "off", "quiet_days": ["saturday", "sunday"]}}

Visits = list[tuple[str, str, int | None]]
"""How long after the one before, with which method, which score."""

SCANNERS: dict[str, tuple[Visits, str]] = {
    "a head, then the page": ([("1h", "HEAD", 0), ("30s", "GET", 0)], "head"),
    "eleven scores, one every 30 seconds": ([("30s", "GET", score) for score in range(10, -1, -1)], "many"),
    "a sweep at delivery, and one more look a minute later": (
        [*(("0s", "GET", score) for score in range(11)), ("1m", "GET", 0)],
        "fast,several,many",
    ),
    "one score at delivery, and again an hour later": ([("4s", "GET", 0), ("1h", "GET", 0)], "fast"),
}
PEOPLE: dict[str, Visits] = {
    "one score": [("1h", "GET", 2)],
    "one score, again in the evening": [("1h", "GET", 2), ("9h", "GET", 2)],
    "a change of mind": [("1h", "GET", 4), ("1m", "GET", 2)],
}


def visited(house: House, visits: Visits, person: str = "1", email: str = "marie@example.com") -> str:
    token = house.surveyed(person, email)
    for wait, method, score in visits:
        house.clock.forward(wait)
        house.show(token, house.visit(method, score))
    return token


def listed(house: House) -> int:
    with house.ledger.read() as session:
        rows = session.execute(joined(select(ResponseRow)).where(to_confirm(house.clock()))).all()
        assert len(rows) == count_to_confirm(session, house.clock())
        return len(rows)


@pytest.mark.parametrize("which", SCANNERS)
def test_a_scanner_is_seen_by_all_of_its_visits(house, which):
    visits, signs = SCANNERS[which]
    visited(house, visits)
    with house.ledger.read() as session:
        number = session.execute(select(ResponseRow.invitation_id)).scalar_one()
        assert ",".join(signs_of(session, [number])[number]) == signs
    house.clock.forward("2d")
    assert listed(house) == 0
    house.run()
    assert [mail.kind for mail in house.post.items] == ["survey"]


@pytest.mark.parametrize("which", PEOPLE)
def test_a_person_is_listed_after_a_day_and_asked_once(house, which):
    visited(house, PEOPLE[which])
    house.clock.forward("23h")
    assert listed(house) == 0
    house.clock.forward("1h")
    assert listed(house) == 1
    house.run()
    assert [mail.kind for mail in house.post.items] == ["survey", "reminder"]
    assert listed(house) == 1, "still for staff to look at"
    house.clock.forward("70d")
    assert listed(house) == 0, "the link takes no answer any more"


def test_a_press_takes_somebody_off_the_list(house):
    token = visited(house, PEOPLE["one score"])
    house.clock.forward("1d")
    assert listed(house) == 1
    house.answer(token, 2)
    assert listed(house) == 0


def test_what_a_scanner_does_after_the_mail_was_planned_is_looked_at_before_it_leaves(ledger, clock):
    house = House(ledger, clock, QUIET_WEEKEND)
    token = visited(house, PEOPLE["one score"])  # on a Friday
    clock.forward("1d")
    house.run()
    house.show(token, house.visit("HEAD", 2))
    clock.forward("2d")
    house.run()
    assert [mail.kind for mail in house.post.items] == ["survey"]
    [row] = house.deliveries("send_reminder")
    assert (row.state, row.last_error) == ("cancelled", "perhaps a machine: asked for the head of the page only")


def test_status_and_metrics_count_who_is_to_confirm(house):
    visited(house, SCANNERS["a head, then the page"][0])
    visited(house, PEOPLE["one score"], "2", "paul@example.com")
    house.clock.forward("1d")
    with house.ledger.read() as session:
        known = status(session, house.ctx.settings, house.clock())
    assert known.to_confirm == 1
    assert "nps_connect_to_confirm 1" in as_metrics(known)


def test_a_visit_of_another_page_is_no_sign(house):
    visited(house, PEOPLE["one score"])
    with house.ledger.write() as session:
        row = session.execute(select(VisitRow)).scalars().first()
        seen = {"invitation_id": row.invitation_id, "method": "HEAD", "at": house.clock(), "signs": "head"}
        session.add(VisitRow(purpose="unsubscribe", **seen))
    house.clock.forward("1d")
    assert listed(house) == 1
