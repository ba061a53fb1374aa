"""What machines do to a survey: nothing counts, everything is noted, and no person is locked out by it."""

from __future__ import annotations

import re

from sqlalchemy import select
from support.house import House
from support.vendors import Post

from nps_connect import hookimpl
from nps_connect.flows.delivering.fallback import raise_alarms
from nps_connect.ledger.tables import ResponseRow, VisitRow


def visits(house) -> list[tuple[str, int | None, str | None]]:
    with house.ledger.read() as session:
        rows = session.execute(select(VisitRow).order_by(VisitRow.id)).scalars()
        return [(row.method, row.score, row.signs) for row in rows]


def response(house) -> ResponseRow:
    with house.ledger.read() as session:
        return session.execute(select(ResponseRow)).scalar_one()


def test_a_scanner_that_opens_every_score_is_seen_and_locks_nobody_out(house):
    token = house.surveyed()
    house.clock.forward("1h")
    house.show(token, house.visit("HEAD", 3))
    for score in range(11):
        house.show(token, house.visit("GET", score))
    assert visits(house)[0] == ("HEAD", 3, "head,several")
    assert {signs for _, _, signs in visits(house)[1:]} == {"several"}
    assert response(house).provisional_signs == "several"
    house.clock.forward("1h")
    assert house.show(token, house.visit("GET", 9)).state == "open"
    assert visits(house)[-1] == ("GET", 9, None)
    assert house.answer(token, 9).state == "answered"


def test_an_opening_within_seconds_of_delivery_is_fast(house):
    token = house.surveyed()
    house.clock.forward("4s")
    house.show(token, house.visit("GET", 0))
    assert visits(house) == [("GET", 0, "fast")]


class ScannedPost(Post):
    """A relay whose scanner opens a score of each mail before the mail is taken."""

    @hookimpl
    def nps_send_messages(self, connection, messages):
        for message in messages:
            self.scan(re.search(r"/s/([\w.-]+)\?score=2", message.text)[1])
        return super().nps_send_messages(connection, messages)


def test_an_opening_before_delivery_is_fast_and_nobody_is_asked_to_confirm_it(ledger, clock):
    post = ScannedPost()
    house = House(ledger, clock, post=post)
    house.post = post
    post.scan = lambda token: house.show(token, house.visit("GET", 2))
    house.surveyed()
    house.clock.forward("2d")
    house.run()
    assert visits(house) == [("GET", 2, "fast")]
    assert [mail.kind for mail in post.items] == ["survey"]


def test_two_scores_pressed_at_once_make_the_answer_provisional_and_hold_its_effects(house):
    token = house.surveyed()
    house.answer(token, 2, "Trop lent", sent=False)
    house.clock.forward("3s")
    assert house.answer(token, 9, sent=False).state == "open"
    assert [signs for _, _, signs in visits(house)] == ["fast,contradiction", "fast,contradiction"]
    house.clock.forward("1d")
    house.run()
    assert {row.state for row in house.deliveries() if row.response_id} == {"held"}
    assert house.desk.items == house.bell.items == house.crm.items == []
    assert raise_alarms(house.ctx) == 0


def test_the_next_press_confirms_and_nothing_is_lost(house):
    token = house.surveyed()
    house.answer(token, 9, sent=False)
    house.clock.forward("3s")
    house.answer(token, 2, "Trop lent", sent=False)
    house.clock.forward("3s")
    page = house.answer(token, 2)
    assert (page.state, page.score, page.commented) == ("answered", 2, True)
    house.run()
    assert [draft.response.comment for draft in house.desk.items] == ["Trop lent"]
    assert house.crm.scores == {"1": 2}


def test_what_a_worker_holds_when_two_scores_are_pressed_waits_too(house):
    token = house.surveyed()
    house.answer(token, 2)
    house.desk.raising = [None]
    with house.ledger.write() as session:
        session.execute(select(ResponseRow)).scalar_one().contested_at = house.clock()
    house.run()
    assert house.desk.items == []
    assert {row.hold for row in house.deliveries("open_ticket")} == {
        "two different scores were pressed within seconds; waits for the next press"
    }


def test_a_contested_answer_counts_nowhere(house):
    house.answer(house.surveyed(), 4)
    house.run()
    house.clock.forward("100d")
    token = house.surveyed()
    house.answer(token, 1)
    house.clock.forward("1s")
    house.answer(token, 9)
    house.clock.forward("100d")
    house.answer(house.surveyed(), 10)
    house.run()
    assert [earlier.score for earlier in house.crm.items[-1].history] == [4]


def test_a_doubled_press_of_one_score_contradicts_nothing(house):
    token = house.surveyed()
    for sent in (False, False, True):
        assert house.answer(token, 9, sent=sent).state == "answered"
    assert {signs for _, _, signs in visits(house)} == {None, "fast"} or {s for _, _, s in visits(house)} == {"fast"}


def test_an_opening_within_seconds_of_a_reminder_is_fast_too(ledger, clock):
    house = House(ledger, clock, {"surveys": {"after-purchase": {"channel": "mail", "reminder_after": "4d"}}})
    token = house.surveyed()
    for _ in range(4):
        clock.forward("1d")
        house.run()
    assert len(house.post.items) == 2
    clock.forward("4s")
    house.show(token, house.visit("GET", 2))
    clock.forward("1h")
    house.show(token, house.visit("GET", 2))
    assert [signs for _, _, signs in visits(house)] == ["fast", None]


def test_reminders_that_a_contested_answer_had_stopped_go_on(ledger, clock):
    house = House(ledger, clock, {"surveys": {"after-purchase": {"channel": "mail", "reminder_after": "4d"}}})
    token = house.surveyed()
    house.answer(token, 2, sent=False)
    assert {row.state for row in house.deliveries("send_reminder")} == {"cancelled"}
    house.clock.forward("3s")
    house.answer(token, 9, sent=False)
    house.clock.forward("4d")
    house.run()
    assert [mail.kind for mail in house.post.items] == ["survey", "reminder"]
    assert house.answer(token, 9).state == "answered"
