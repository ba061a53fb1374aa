"""What comes back: a mailbox that does not exist is written to no more, and its cooldown is given back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness
from support.fake_vendors import FakeMailChannel

from nps_connect import (
    Bounce,
    DeliveryError,
    MailboxPage,
    Rejected,
    RetryLater,
    Undeliverable,
    WebhookRejected,
    hookimpl,
)
from nps_connect.ledger.bounces import BounceRow
from nps_connect.ledger.operational_tables import SuppressionRow
from nps_connect.ledger.tables import DecisionRow
from nps_connect.services.suppressions.bounces import wait_for_arrival


def suppressions(application) -> list[tuple[str, str]]:
    with application.ledger.read() as session:
        rows = session.execute(select(SuppressionRow).order_by(SuppressionRow.id)).scalars()
        return sorted((row.subject[:1], row.reason) for row in rows)


def bounces(application) -> list[tuple[str, str, str | None]]:
    with application.ledger.read() as session:
        rows = session.execute(select(BounceRow).order_by(BounceRow.id)).scalars()
        return [(row.kind, row.source, row.status) for row in rows]


def post(application, *found: Bounce) -> int:
    application.post.bounces = list(found)
    return application.backend.report_bounces(application.ctx.links.bounces("mail"), b"a report")


def again(application, person: str = "1") -> str:
    application.clock.forward("1m")
    application.webhook(application.won(person, deal=f"deal-{application.clock().timestamp()}"))
    application.run()
    with application.ledger.read() as session:
        return session.execute(select(DecisionRow).order_by(DecisionRow.id.desc())).scalars().first().reason


def sent_id(application) -> str:
    return application.deliveries("send_survey")[0].receipt_id


def test_an_address_that_is_refused_at_once_is_suppressed(application):
    application.crm.knows("1", "gone@example.com")
    application.webhook(application.won("1"))
    application.run()
    application.clock.forward("3d")
    application.post.raising = [Undeliverable("the mail server refused the recipient (550 5.1.1)", status=550)]
    application.run()
    assert application.deliveries("send_survey")[0].state == "dead"
    assert suppressions(application) == [("m", "bounced")]
    assert bounces(application) == [("hard", "smtp", None)]
    assert again(application) == "suppressed"
    application.crm.knows("1", "new@example.com")
    assert again(application) == "surveyed"


def test_another_refusal_is_shown_as_a_soft_bounce_and_suppresses_nobody(application):
    application.crm.knows("1", "full@example.com")
    application.webhook(application.won("1"))
    application.run()
    application.clock.forward("3d")
    application.post.raising = [Rejected("the mail server refused the recipient (552 5.2.2)", status=552)]
    application.run()
    assert application.deliveries("send_survey")[0].state == "dead"
    assert suppressions(application) == []
    assert bounces(application) == [("soft", "smtp", None)]
    assert again(application) == "surveyed"


def test_a_refusal_by_another_vendor_is_no_bounce(application):
    application.desk.raising = [Rejected("the form is closed")]
    application.answer(application.surveyed(), 2)
    application.run()
    assert application.deliveries("open_ticket")[0].state == "dead"
    assert bounces(application) == []


def test_a_hard_bounce_suppresses_the_mailbox_and_gives_the_cooldown_back(application):
    application.surveyed()
    bounce = Bounce(
        kind="hard", address="marie@example.com", message_id=sent_id(application), status="5.1.1", detail="no"
    )
    assert post(application, bounce) == 1
    assert post(application, bounce) == 0
    assert suppressions(application) == [("m", "bounced")]
    assert bounces(application) == [("hard", "relay", "5.1.1")]
    assert again(application) == "suppressed"
    application.crm.knows("1", "new@example.com")
    assert again(application) == "surveyed"


def test_a_bounce_is_about_the_mailbox_that_was_written_to_not_the_new_one(application):
    application.surveyed()
    application.crm.knows("1", "new@example.com")
    assert again(application) == "cooldown"
    post(application, Bounce(kind="hard", message_id=sent_id(application)))
    assert again(application) == "surveyed"


def test_a_soft_bounce_is_noted_and_changes_nothing(application):
    application.surveyed()
    assert post(application, Bounce(kind="soft", message_id=sent_id(application), status="4.2.2")) == 1
    assert suppressions(application) == []
    assert again(application) == "cooldown"


def test_a_complaint_is_an_objection_of_the_person_and_is_told_to_the_crm(application):
    application.answer(application.surveyed(), 9)
    application.run()
    post(application, Bounce(kind="complaint", address="marie@example.com"))
    application.run()
    assert suppressions(application) == [("c", "objected"), ("m", "objected")]
    assert application.deliveries("invite_review")[0].state == "cancelled"
    assert [one.contact.id for one in application.crm.opt_outs] == ["1"]


def test_a_bounce_of_a_mailbox_that_we_never_wrote_to_is_passed_over(application):
    application.surveyed()
    assert post(application, Bounce(kind="hard", address="stranger@example.com", message_id="<other@example.com>")) == 0
    assert post(application, Bounce(kind="hard")) == 0
    assert suppressions(application) == []


def test_a_bounce_after_an_answer_keeps_the_cooldown(application):
    application.answer(application.surveyed(), 9)
    post(application, Bounce(kind="hard", message_id=sent_id(application)))
    application.crm.knows("1", "new@example.com")
    assert again(application) == "cooldown"


def test_nobody_posts_bounces_without_the_token(application):
    token = application.ctx.links.bounces("mail")
    for wrong in ("", "x", token[:-1], application.ctx.links.survey(1), application.ctx.links.bounces("crm")):
        with pytest.raises(WebhookRejected):
            application.backend.report_bounces(wrong, b"a report")


class Mailbox(FakeMailChannel):
    """A channel whose reports arrive in a mailbox; each report is the JSON of a bounce."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: list[MailboxPage | DeliveryError] = []
        self.cursors: list[str | None] = []

    @hookimpl
    def nps_fetch_bounces(self, connection, cursor):
        self.cursors.append(cursor)
        page = self.pages.pop(0) if self.pages else None
        if isinstance(page, DeliveryError):
            raise page
        return page

    @hookimpl
    def nps_read_bounces(self, connection, message):
        if not message.startswith(b"{"):
            raise WebhookRejected("unreadable", "not a report")
        return [Bounce.model_validate_json(message)]


def test_reports_are_read_from_the_mailbox_page_by_page_and_other_mail_is_passed_over(ledger, clock):
    post = Mailbox()
    application = ApplicationHarness(ledger, clock, post=post)
    application.post = post
    application.surveyed()
    bounce = Bounce(kind="hard", address="marie@example.com", message_id=sent_id(application), status="5.1.1")
    post.cursors.clear()
    post.pages = [
        RetryLater("the report mailbox cannot be reached"),
        MailboxPage(messages=(b"Hello, a person writes",), cursor="7:1", more=True),
        MailboxPage(messages=(bounce.model_dump_json().encode(),) * 2, cursor="7:3"),
    ]
    for _ in range(3):
        clock.forward("1h")
        application.run(only="mail/poll")
    assert post.cursors[:4] == [None, None, "7:1", "7:3"]
    assert bounces(application) == [("hard", "mailbox", "5.1.1")]
    assert suppressions(application) == [("m", "bounced")]


def test_a_mail_of_ours_is_found_where_it_arrived_and_not_in_a_report_that_quotes_it(ledger, clock):
    post = Mailbox()
    application = ApplicationHarness(ledger, clock, post=post)
    quoted = b"Subject: failed\r\n\r\nMessage-ID: <ours@example.com>"
    ours = b"Message-ID: <ours@example.com>\r\n\r\nHello"
    post.pages = [MailboxPage(messages=(quoted,), cursor="7:1"), MailboxPage(messages=(ours,), cursor="7:2")]
    assert wait_for_arrival(application.ctx, "mail", "<ours@example.com>") == ours
    assert post.cursors == [None, "7:1"]


def test_a_mail_that_never_arrives_is_not_awaited_for_ever(ledger, clock):
    post = Mailbox()
    application = ApplicationHarness(ledger, clock, post=post)
    begun = clock()
    post.pages = [MailboxPage(cursor="7:0")] * 100
    waited: list[timedelta] = []
    assert wait_for_arrival(application.ctx, "mail", "<ours@example.com>", waiting=waited.append) is None
    assert waited == [timedelta(seconds=3 * number) for number in range(20)], "told from the first moment on"
    assert clock() - begun == timedelta(minutes=1)
    assert wait_for_arrival(ApplicationHarness(ledger, clock).ctx, "mail", "<ours@example.com>") is None
