"""Bots on survey pages: their visits are logged with signals, confirm nothing and block no customer."""

from __future__ import annotations

import re

from sqlalchemy import select
from support.application import ApplicationHarness
from support.fake_vendors import FakeMailChannel

from nps_connect import hookimpl
from nps_connect.ledger.tables import PageViewRow, ResponseRow
from nps_connect.records.actions import HoldCode
from nps_connect.services.operations.fallback_alarms import raise_alarms


def visits(application) -> list[tuple[str, int | None, str | None]]:
    with application.ledger.read() as session:
        rows = session.execute(select(PageViewRow).order_by(PageViewRow.id)).scalars()
        return [(row.method, row.score, row.bot_signals) for row in rows]


def response(application) -> ResponseRow:
    with application.ledger.read() as session:
        return session.execute(select(ResponseRow)).scalar_one()


def test_a_scanner_that_opens_every_score_is_detected_and_blocks_nobody(application):
    token = application.surveyed()
    application.clock.forward("1h")
    application.show(token, application.visit("HEAD", 3))
    for score in range(11):
        application.show(token, application.visit("GET", score))
    assert visits(application)[0] == ("HEAD", 3, "head,several")
    assert {signals for _, _, signals in visits(application)[1:]} == {"several"}
    assert response(application).provisional_bot_signals == "several"
    application.clock.forward("1h")
    assert application.show(token, application.visit("GET", 9)).state == "open"
    assert visits(application)[-1] == ("GET", 9, None)
    assert application.answer(token, 9).state == "answered"


def test_a_view_within_seconds_of_delivery_is_fast(application):
    token = application.surveyed()
    application.clock.forward("4s")
    application.show(token, application.visit("GET", 0))
    assert visits(application) == [("GET", 0, "fast")]


class ScanningMailChannel(FakeMailChannel):
    """A relay whose scanner opens a score link of each mail before accepting the mail."""

    @hookimpl
    def nps_send_messages(self, connection, messages):
        for message in messages:
            self.scan(re.search(r"/s/([\w.-]+)\?score=2", message.text)[1])
        return super().nps_send_messages(connection, messages)


def test_a_view_before_delivery_is_fast_and_needs_no_confirmation(ledger, clock):
    post = ScanningMailChannel()
    application = ApplicationHarness(ledger, clock, post=post)
    application.post = post
    post.scan = lambda token: application.show(token, application.visit("GET", 2))
    application.surveyed()
    application.clock.forward("2d")
    application.run()
    assert visits(application) == [("GET", 2, "fast")]
    assert [mail.kind for mail in post.items] == ["survey"]


def test_two_scores_within_seconds_make_the_response_provisional_and_hold_its_deliveries(application):
    token = application.surveyed()
    application.answer(token, 2, "Trop lent", sent=False)
    application.clock.forward("3s")
    assert application.answer(token, 9, sent=False).state == "open"
    assert [signals for _, _, signals in visits(application)] == ["fast,contradiction", "fast,contradiction"]
    application.clock.forward("1d")
    application.run()
    assert {row.state for row in application.deliveries() if row.response_id} == {"held"}
    assert application.desk.items == application.bell.items == application.crm.items == []
    assert raise_alarms(application.ctx) == 0


def test_the_next_submission_resolves_a_conflict_and_keeps_the_comment(application):
    token = application.surveyed()
    application.answer(token, 9, sent=False)
    application.clock.forward("3s")
    application.answer(token, 2, "Trop lent", sent=False)
    application.clock.forward("3s")
    page = application.answer(token, 2)
    assert (page.state, page.score, page.commented) == ("answered", 2, True)
    application.run()
    assert [draft.response.comment for draft in application.desk.items] == ["Trop lent"]
    assert application.crm.scores == {"1": 2}


def test_claimed_deliveries_of_a_conflicting_response_are_held(application):
    token = application.surveyed()
    application.answer(token, 2)
    application.desk.raising = [None]
    with application.ledger.write() as session:
        session.execute(select(ResponseRow)).scalar_one().conflicting_at = application.clock()
    application.run()
    assert application.desk.items == []
    assert {row.hold_code for row in application.deliveries("open_ticket")} == {HoldCode.CONFLICTING_SCORES}


def test_a_conflicting_response_is_not_part_of_the_history(application):
    application.answer(application.surveyed(), 4)
    application.run()
    application.clock.forward("100d")
    token = application.surveyed()
    application.answer(token, 1)
    application.clock.forward("1s")
    application.answer(token, 9)
    application.clock.forward("100d")
    application.answer(application.surveyed(), 10)
    application.run()
    assert [earlier.score for earlier in application.crm.items[-1].history] == [4]


def test_a_repeated_score_is_no_conflict(application):
    token = application.surveyed()
    for sent in (False, False, True):
        assert application.answer(token, 9, sent=sent).state == "answered"
    assert {signals for _, _, signals in visits(application)} in ({None, "fast"}, {"fast"})


def test_a_view_within_seconds_of_a_reminder_is_fast(ledger, clock):
    application = ApplicationHarness(
        ledger, clock, {"surveys": {"after-purchase": {"channel": "mail", "reminder_after": "4d"}}}
    )
    token = application.surveyed()
    for _ in range(4):
        clock.forward("1d")
        application.run()
    assert len(application.post.items) == 2
    clock.forward("4s")
    application.show(token, application.visit("GET", 2))
    clock.forward("1h")
    application.show(token, application.visit("GET", 2))
    assert [signals for _, _, signals in visits(application)] == ["fast", None]


def test_reminders_cancelled_by_a_conflicting_response_are_restored(ledger, clock):
    application = ApplicationHarness(
        ledger, clock, {"surveys": {"after-purchase": {"channel": "mail", "reminder_after": "4d"}}}
    )
    token = application.surveyed()
    application.answer(token, 2, sent=False)
    assert {row.state for row in application.deliveries("send_reminder")} == {"cancelled"}
    application.clock.forward("3s")
    application.answer(token, 9, sent=False)
    application.clock.forward("4d")
    application.run()
    assert [mail.kind for mail in application.post.items] == ["survey", "reminder"]
    assert application.answer(token, 9).state == "answered"
