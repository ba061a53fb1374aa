"""The brake: many hard bounces within an hour hold the mail, and an operator confirms or undoes the suppressions."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness
from support.fake_vendors import FakeMailChannel

from nps_connect import Bounce, Receipt, Undeliverable, hookimpl
from nps_connect.app.actions import ACTIONS
from nps_connect.ledger import pauses
from nps_connect.ledger.audit_log import Actor, AuditRow
from nps_connect.ledger.suppressions import BounceRow, SuppressionRow
from nps_connect.services.deliveries.operator_actions import retry_by_operator
from nps_connect.services.suppressions.bounce_brake import confirm_brake, undo_brake

ACTOR = Actor("cli", "ops")
SEND_SURVEY = "queue:mail/send_survey"


class RelayChannel(FakeMailChannel):
    """A mail channel that refuses recipients one by one.

    Attributes:
        refused: the addresses that are refused for good.
    """

    def __init__(self) -> None:
        super().__init__()
        self.refused: set[str] = set()
        self.delivered: list[str] = []

    @hookimpl
    def nps_send_messages(self, connection, messages):
        self.calls.append(list(messages))
        return [self._send(message) for message in messages]

    def _send(self, message) -> Receipt | Exception:
        if message.to.email in self.refused:
            return Undeliverable("the mail server refused the recipient (550 5.1.1)", status=550)
        self.delivered.append(message.to.email)
        return Receipt(id=f"<{message.message_id}@example.com>")


def address(number: int) -> str:
    return f"person-{number}@example.com"


@pytest.fixture
def relay() -> RelayChannel:
    return RelayChannel()


@pytest.fixture
def application(ledger, clock, relay):
    harness = ApplicationHarness(ledger, clock, {"limits": {"unusual": 1000}}, post=relay)
    harness.post = relay
    return harness


def survey(application, people) -> None:
    """Survey people whose deals are won now, three days later."""
    for number in people:
        application.crm.knows(str(number), address(number))
    application.webhook(*(application.won(str(number)) for number in people))
    application.run()
    application.clock.forward("3d")
    application.run()


def load_pauses(application) -> dict[str, str]:
    with application.ledger.read() as session:
        return {scope: pause.reason for scope, pause in pauses.load_pauses(session).items()}


def load_suppressions(application) -> list[tuple[str, str | None]]:
    with application.ledger.read() as session:
        rows = session.execute(select(SuppressionRow).order_by(SuppressionRow.id)).scalars()
        return [(row.reason, row.provisional_for) for row in rows]


def decide(application, function):
    with application.ledger.write() as session:
        return function(application.ctx, session, "mail", ACTOR)


def retry_dead(application) -> list[str | None]:
    """Retry every dead delivery as an operator; returns why each was refused, or None."""
    with application.ledger.write() as session:
        rows = [session.merge(row) for row in application.deliveries() if row.state == "dead"]
        now, settings = application.clock(), application.ctx.settings
        return [retry_by_operator(session, row, actions=ACTIONS, settings=settings, now=now).refused for row in rows]


def report(application, relay, numbers) -> None:
    """Process bounce reports about the newest mails to people."""
    receipts = {row.contact_id: row.receipt_id for row in application.deliveries("send_survey")}
    relay.bounces = [Bounce(kind="hard", message_id=receipts[number], status="5.1.1") for number in numbers]
    application.backend.report_bounces(application.ctx.links.bounces("mail"), b"a report")


def test_a_relay_that_refuses_every_recipient_for_some_seconds_suppresses_nobody_for_good(application, relay):
    people = range(1, 13)
    relay.refused = {address(number) for number in people}
    survey(application, people)
    assert load_pauses(application)[SEND_SURVEY].startswith("5 recipients of 5 mails were refused for good")
    assert load_suppressions(application) == [("bounced", "mail")] * 5
    assert set(retry_dead(application)) == {"suppressed: bounced; see: nps-connect suppressions list"}
    relay.refused = set()
    decision = decide(application, undo_brake)
    assert (decision.suppressions, load_suppressions(application), load_pauses(application)) == (5, [], {})
    assert retry_dead(application) == [None] * 5
    application.run()
    assert sorted(relay.delivered) == sorted(["care@example.com", *map(address, people)]), "staff was told once"
    assert application.crm.opt_outs == []


def test_three_refused_recipients_hold_nothing_and_are_suppressed_for_good(application, relay):
    relay.refused = {address(number) for number in (1, 2, 3)}
    survey(application, range(1, 4))
    assert load_pauses(application) == {}
    assert load_suppressions(application) == [("bounced", None)] * 3
    assert decide(application, undo_brake) is None


def test_an_honest_old_list_is_held_confirmed_and_goes_on(application, relay):
    survey(application, range(1, 81))
    report(application, relay, range(1, 13))
    assert SEND_SURVEY in load_pauses(application)
    assert load_suppressions(application) == [("bounced", "mail")] * 12
    decision = decide(application, confirm_brake)
    assert (decision.mails, decision.suppressions) == (80, 12)
    assert (load_suppressions(application), load_pauses(application)) == ([("bounced", None)] * 12, {})
    application.clock.forward("1m")
    report(application, relay, range(13, 25))
    assert load_pauses(application) == {}, "the confirmed share is the quality of the list for a day"
    assert load_suppressions(application) == [("bounced", None)] * 24
    application.clock.forward("1d")
    report(application, relay, range(25, 37))
    assert SEND_SURVEY in load_pauses(application)


def test_a_broken_relay_after_a_confirmation_is_noticed(application, relay):
    survey(application, range(1, 41))
    report(application, relay, range(1, 11))
    decide(application, confirm_brake)
    application.clock.forward("1m")
    report(application, relay, range(11, 36))
    assert load_suppressions(application)[-1] == ("bounced", "mail")


def test_few_dead_mailboxes_among_many_mails_hold_nothing(application, relay):
    relay.refused = {address(number) for number in range(6, 37, 6)}
    survey(application, range(1, 37))
    assert load_pauses(application) == {}
    assert load_suppressions(application) == [("bounced", None)] * 6


def test_nine_reports_hold_nothing_and_the_tenth_does(application, relay):
    survey(application, range(1, 21))
    report(application, relay, range(1, 10))
    assert load_pauses(application) == {}
    report(application, relay, [10])
    assert SEND_SURVEY in load_pauses(application)


def test_refusals_spread_over_more_than_an_hour_hold_nothing(application, relay):
    survey(application, range(1, 11))
    for number in range(1, 11):
        application.clock.forward("10m")
        report(application, relay, [number])
    assert load_pauses(application) == {}


def test_mail_that_waits_is_held_while_the_brake_is_on_and_other_actions_go_on(application, relay):
    application.answer(application.surveyed("50", "jean@example.com"), 2)
    relay.refused = {address(number) for number in range(1, 7)}
    survey(application, range(1, 7))
    application.webhook(application.won("51"))
    application.crm.knows("51", "late@example.com")
    application.run()
    application.clock.forward("3d")
    application.run()
    assert "late@example.com" not in relay.delivered
    assert application.states()["open_ticket"] == "succeeded"


def test_bounces_while_the_brake_is_on_are_provisional_too(application, relay):
    survey(application, range(1, 31))
    report(application, relay, range(1, 11))
    application.clock.forward("2h")
    report(application, relay, [20])
    assert load_suppressions(application) == [("bounced", "mail")] * 11


def test_a_report_about_an_undone_hour_that_comes_later_has_no_effect(application, relay):
    survey(application, range(1, 21))
    report(application, relay, range(1, 11))
    at = application.clock()
    application.clock.forward("1m")
    decide(application, undo_brake)
    application.clock.forward("1m")
    receipt = application.deliveries("send_survey")[14].receipt_id
    relay.bounces = [Bounce(kind="hard", message_id=receipt, at=at)]
    application.backend.report_bounces(application.ctx.links.bounces("mail"), b"a report")
    assert load_suppressions(application) == []
    relay.bounces = [Bounce(kind="hard", message_id=application.deliveries("send_survey")[15].receipt_id)]
    application.backend.report_bounces(application.ctx.links.bounces("mail"), b"a report")
    assert load_suppressions(application) == [("bounced", None)]


def test_a_recipient_that_is_refused_again_after_the_retry_is_suppressed(application, relay):
    relay.refused = {address(number) for number in range(1, 7)}
    survey(application, range(1, 7))
    decide(application, undo_brake)
    relay.refused = {address(1)}
    application.clock.forward("1m")
    retry_dead(application)
    application.run()
    assert load_suppressions(application) == [("bounced", None)]
    with application.ledger.read() as session:
        assert len(session.execute(select(BounceRow)).scalars().all()) == 6


def test_mails_that_came_back_in_an_undone_hour_are_sent_again_by_a_retry(application, relay):
    people = range(1, 13)
    survey(application, people)
    application.answer(application.token(address(12)), 8)
    report(application, relay, people)
    decision = decide(application, undo_brake)
    assert (decision.suppressions, decision.returned) == (12, 11), "who responded has got the mail"
    relay.delivered.clear()
    application.clock.forward("1m")
    assert retry_dead(application) == [None] * 11
    application.run()
    assert sorted(relay.delivered) == sorted(map(address, range(1, 12)))
    assert {row.state for row in application.deliveries("send_survey")} == {"succeeded"}
    application.clock.forward("1m")
    report(application, relay, [1])
    assert load_suppressions(application) == [("bounced", None)], "a bounce of the second try counts"


def test_undo_lets_the_mails_go_on_that_the_suppressions_cancelled(application, relay):
    people = range(1, 11)
    survey(application, people)
    for number in people:
        application.answer(application.token(address(number)), 9)
    report(application, relay, people)
    assert {row.state for row in application.deliveries("invite_review")} == {"cancelled"}
    assert decide(application, undo_brake).restored == 10
    relay.delivered.clear()
    application.clock.forward("3h")
    application.run()
    assert sorted(relay.delivered) == sorted(map(address, people))


def test_a_decision_is_recorded_in_the_audit_log(application, relay):
    relay.refused = {address(number) for number in range(1, 7)}
    survey(application, range(1, 7))
    decide(application, confirm_brake)
    with application.ledger.read() as session:
        row = session.execute(select(AuditRow)).scalars().one()
    assert (row.actor_kind, row.actor_name, row.command, row.object) == (
        "cli", "ops", "bounces confirm", "connection:mail",
    )  # fmt: skip
    assert row.at == application.clock()
