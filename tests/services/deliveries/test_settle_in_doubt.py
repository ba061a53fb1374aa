"""Mail in doubt, settled by what the log of the mail server says."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness
from support.bounce_scenarios import load_bounces, load_suppressions
from support.fake_vendors import FakeMailChannel

from nps_connect import Bounce, hookimpl
from nps_connect.app.actions import ACTIONS
from nps_connect.errors import OutcomeUnknown
from nps_connect.ledger.audit_log import Actor
from nps_connect.ledger.subjects import mailbox_subject
from nps_connect.ledger.tables import DeliveryRow, InvitationRow, PageViewRow
from nps_connect.services.deliveries.settle_in_doubt import in_doubt_message_id, settle_by_operator
from nps_connect.services.suppressions.store import suppress


@pytest.fixture
def application(ledger, clock):
    harness = ApplicationHarness(
        ledger, clock, {"surveys": {"after-purchase": {"channel": "mail", "reminder_after": "4d"}}}
    )
    harness.post.raising = [OutcomeUnknown("the line broke after the last dot")]
    harness.crm.knows("1", "marie@example.com")
    harness.webhook(harness.won("1"))
    harness.run()
    harness.clock.forward("3d")
    harness.run()
    return harness


def settle(application, *, sent: bool) -> str | None:
    with application.ledger.write() as session:
        row = session.get_one(DeliveryRow, application.deliveries("send_survey")[0].id)
        arguments = {"actions": ACTIONS, "settings": application.ctx.settings, "now": application.clock()}
        return settle_by_operator(application.ctx, Actor("cli", "ops"), session, row, sent=sent, **arguments).refused


def test_the_message_id_in_doubt_is_that_of_the_mail_also_in_a_backup_from_before_it(application):
    [row] = application.deliveries("send_survey")
    assert (row.state, row.in_doubt) == ("held", True)
    expected = application.post.items[0].message_id
    assert in_doubt_message_id(row, ACTIONS, application.ctx.links) == expected
    row.options = {}
    assert in_doubt_message_id(row, ACTIONS, application.ctx.links) == expected


def test_sent_mail_has_a_reminder(application):
    assert settle(application, sent=True) is None
    application.clock.forward("5d")
    application.run()
    assert [message.kind for message in application.post.items] == ["survey", "reminder"]


def test_mail_that_was_not_sent_is_checked_again(application):
    mailbox = application.deliveries("send_survey")[0].options["mailbox"]
    with application.ledger.write() as session:
        suppress(application.ctx, session, [mailbox_subject(mailbox)], "opted_out", source="test")
    assert settle(application, sent=False) == "suppressed: opted_out; see: nps-connect suppressions list"
    assert application.deliveries("send_survey")[0].in_doubt


def report(application, kind: str, **fields) -> None:
    """Process a bounce report about the mail in doubt, by the Message-ID that it has on its way."""
    fields = {"message_id": f"<{application.post.items[0].message_id}@mail.example.com>", **fields}
    application.post.bounces = [Bounce(kind=kind, **fields)]
    application.backend.report_bounces(application.ctx.links.bounces("mail"), b"a report")


@pytest.mark.parametrize("recorded", [True, False])
def test_a_bounce_report_about_mail_in_doubt_proves_that_it_was_sent(application, recorded):
    if not recorded:  # as after a restore of a backup from before the mail
        with application.ledger.write() as session:
            session.get_one(DeliveryRow, application.deliveries("send_survey")[0].id).options = {}
    report(application, "soft", status="4.2.2")
    [row] = application.deliveries("send_survey")
    assert (row.state, row.in_doubt) == ("succeeded", False)
    assert row.receipt_note == "a bounce report names it (relay)"
    assert load_bounces(application) == [("soft", "relay", "4.2.2")]
    application.clock.forward("5d")
    application.run()
    assert [message.kind for message in application.post.items] == ["survey", "reminder"]


def test_a_hard_bounce_of_mail_in_doubt_suppresses_the_mailbox(application):
    report(application, "hard", address="marie@example.com")
    assert application.deliveries("send_survey")[0].state == "succeeded"
    assert load_suppressions(application) == [("m", "bounced")]
    application.clock.forward("5d")
    application.run()
    assert [message.kind for message in application.post.items] == ["survey"]


def test_a_report_about_another_mailbox_proves_no_more_than_that_the_mail_was_sent(application):
    report(application, "hard", address="member-of-an-alias@example.com")
    assert application.deliveries("send_survey")[0].state == "succeeded"
    assert load_suppressions(application) == []


def test_a_forged_report_leaves_mail_in_doubt(application):
    report(application, "hard", message_id=f"<{'0' * 40}@mail.example.com>", address="marie@example.com")
    [row] = application.deliveries("send_survey")
    assert (row.state, row.in_doubt) == ("held", True)
    assert load_suppressions(application) == []


def test_a_page_view_settles_the_mail_that_brought_the_link(application):
    token = application.token("marie@example.com")
    handed_over_at = application.clock()
    application.clock.forward("3h")
    application.show(token, application.visit(score=9))
    [mail] = application.deliveries("send_survey")
    assert (mail.state, mail.in_doubt, mail.receipt_note) == ("succeeded", False, "its link was opened")
    with application.ledger.read() as session:
        [invitation], [view] = (session.execute(select(table)).scalars() for table in (InvitationRow, PageViewRow))
    assert (invitation.state, invitation.sent_at, view.bot_signals) == ("sent", handed_over_at, None)
    [reminder] = application.deliveries("send_reminder")
    assert (reminder.state, reminder.due_at) == ("pending", application.clock() + timedelta(days=4))


def test_a_response_settles_the_mail_that_brought_the_link_and_needs_no_reminder(application):
    application.answer(application.token("marie@example.com"), 9)
    assert application.deliveries("send_survey")[0].state == "succeeded"
    assert [row.state for row in application.deliveries("send_reminder")] == ["cancelled"]


def test_a_view_before_the_answer_of_the_mail_server_settles_the_mail_within_a_minute(ledger, clock):
    class ScanningChannel(FakeMailChannel):
        @hookimpl
        def nps_send_messages(self, connection, messages):
            receipts = self._record_call(messages)
            if messages[0].kind == "survey":
                harness.show(harness.token("marie@example.com"), harness.visit())
                raise OutcomeUnknown("the line broke after the last dot")
            return receipts

    channel = ScanningChannel()
    harness = ApplicationHarness(ledger, clock, post=channel)
    harness.post = channel
    harness.crm.knows("1", "marie@example.com")
    harness.webhook(harness.won("1"))
    harness.run()
    harness.clock.forward("3d")
    harness.run(only="/send_survey")
    assert harness.deliveries("send_survey")[0].hold_code == "in_doubt"
    harness.clock.forward("30s")
    harness.run()
    assert harness.deliveries("send_survey")[0].state == "succeeded"


def test_a_view_through_the_survey_mail_settles_no_reminder(application):
    token = application.token("marie@example.com")
    application.show(token, application.visit())
    application.post.raising = [OutcomeUnknown("the line broke after the last dot")]
    application.clock.forward("4d")
    application.run()
    application.show(token, application.visit())
    [reminder] = application.deliveries("send_reminder")
    assert (reminder.state, reminder.in_doubt) == ("held", True)


def test_an_opened_review_link_settles_the_mail_that_brought_it(application):
    application.answer(application.token("marie@example.com"), 9)
    application.post.raising = [OutcomeUnknown("the line broke after the last dot")]
    application.clock.forward("3h")
    application.run()
    [mail] = application.deliveries("invite_review")
    assert (mail.state, mail.in_doubt) == ("held", True)
    application.backend.resolve_review_link(application.token("marie@example.com", "r"), application.visit())
    [mail] = application.deliveries("invite_review")
    assert (mail.state, mail.in_doubt) == ("succeeded", False)


def test_a_review_link_on_the_page_settles_no_mail(application):
    token = application.token("marie@example.com")
    page = application.answer(token, 9)
    application.post.raising = [OutcomeUnknown("the line broke after the last dot")]
    application.clock.forward("3h")
    application.run()
    application.backend.resolve_review_link(application.review_token(page), application.visit())
    assert application.deliveries("invite_review")[0].state == "held"
