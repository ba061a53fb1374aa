"""What comes back: a mailbox that does not exist is written to no more, and its cooldown is given back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from support.house import House
from support.vendors import Post

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
from nps_connect.flows.contacts.bounces import arrived
from nps_connect.ledger.bounced import BounceRow
from nps_connect.ledger.keeping import SuppressionRow
from nps_connect.ledger.tables import DecisionRow


def suppressions(house) -> list[tuple[str, str]]:
    with house.ledger.read() as session:
        rows = session.execute(select(SuppressionRow).order_by(SuppressionRow.id)).scalars()
        return sorted((row.subject[:1], row.reason) for row in rows)


def bounces(house) -> list[tuple[str, str, str | None]]:
    with house.ledger.read() as session:
        rows = session.execute(select(BounceRow).order_by(BounceRow.id)).scalars()
        return [(row.kind, row.source, row.status) for row in rows]


def post(house, *found: Bounce) -> int:
    house.post.bounces = list(found)
    return house.doors.report_bounces(house.ctx.links.bounces("mail"), b"a report")


def again(house, person: str = "1") -> str:
    house.clock.forward("1m")
    house.webhook(house.won(person, deal=f"deal-{house.clock().timestamp()}"))
    house.run()
    with house.ledger.read() as session:
        return session.execute(select(DecisionRow).order_by(DecisionRow.id.desc())).scalars().first().reason


def sent_id(house) -> str:
    return house.deliveries("send_survey")[0].receipt_id


def test_an_address_that_is_refused_at_once_is_suppressed(house):
    house.crm.knows("1", "gone@example.com")
    house.webhook(house.won("1"))
    house.run()
    house.clock.forward("3d")
    house.post.raising = [Undeliverable("the mail server refused the recipient (550 5.1.1)", status=550)]
    house.run()
    assert house.deliveries("send_survey")[0].state == "dead"
    assert suppressions(house) == [("m", "bounced")]
    assert bounces(house) == [("hard", "smtp", None)]
    assert again(house) == "suppressed"
    house.crm.knows("1", "new@example.com")
    assert again(house) == "surveyed"


def test_another_refusal_is_shown_as_a_soft_bounce_and_suppresses_nobody(house):
    house.crm.knows("1", "full@example.com")
    house.webhook(house.won("1"))
    house.run()
    house.clock.forward("3d")
    house.post.raising = [Rejected("the mail server refused the recipient (552 5.2.2)", status=552)]
    house.run()
    assert house.deliveries("send_survey")[0].state == "dead"
    assert suppressions(house) == []
    assert bounces(house) == [("soft", "smtp", None)]
    assert again(house) == "surveyed"


def test_a_refusal_by_another_vendor_is_no_bounce(house):
    house.desk.raising = [Rejected("the form is closed")]
    house.answer(house.surveyed(), 2)
    house.run()
    assert house.deliveries("open_ticket")[0].state == "dead"
    assert bounces(house) == []


def test_a_hard_bounce_suppresses_the_mailbox_and_gives_the_cooldown_back(house):
    house.surveyed()
    bounce = Bounce(kind="hard", address="marie@example.com", message_id=sent_id(house), status="5.1.1", detail="no")
    assert post(house, bounce) == 1
    assert post(house, bounce) == 0
    assert suppressions(house) == [("m", "bounced")]
    assert bounces(house) == [("hard", "relay", "5.1.1")]
    assert again(house) == "suppressed"
    house.crm.knows("1", "new@example.com")
    assert again(house) == "surveyed"


def test_a_bounce_is_about_the_mailbox_that_was_written_to_not_the_new_one(house):
    house.surveyed()
    house.crm.knows("1", "new@example.com")
    assert again(house) == "cooldown"
    post(house, Bounce(kind="hard", message_id=sent_id(house)))
    assert again(house) == "surveyed"


def test_a_soft_bounce_is_noted_and_changes_nothing(house):
    house.surveyed()
    assert post(house, Bounce(kind="soft", message_id=sent_id(house), status="4.2.2")) == 1
    assert suppressions(house) == []
    assert again(house) == "cooldown"


def test_a_complaint_is_an_objection_of_the_person_and_is_told_to_the_crm(house):
    house.answer(house.surveyed(), 9)
    house.run()
    post(house, Bounce(kind="complaint", address="marie@example.com"))
    house.run()
    assert suppressions(house) == [("c", "objected"), ("m", "objected")]
    assert house.deliveries("invite_review")[0].state == "cancelled"
    assert [one.contact.id for one in house.crm.opt_outs] == ["1"]


def test_a_bounce_of_a_mailbox_that_we_never_wrote_to_is_passed_over(house):
    house.surveyed()
    assert post(house, Bounce(kind="hard", address="stranger@example.com", message_id="<other@example.com>")) == 0
    assert post(house, Bounce(kind="hard")) == 0
    assert suppressions(house) == []


def test_a_bounce_after_an_answer_keeps_the_cooldown(house):
    house.answer(house.surveyed(), 9)
    post(house, Bounce(kind="hard", message_id=sent_id(house)))
    house.crm.knows("1", "new@example.com")
    assert again(house) == "cooldown"


def test_nobody_posts_bounces_without_the_token(house):
    token = house.ctx.links.bounces("mail")
    for wrong in ("", "x", token[:-1], house.ctx.links.survey(1), house.ctx.links.bounces("crm")):
        with pytest.raises(WebhookRejected):
            house.doors.report_bounces(wrong, b"a report")


class Mailbox(Post):
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
    house = House(ledger, clock, post=post)
    house.post = post
    house.surveyed()
    bounce = Bounce(kind="hard", address="marie@example.com", message_id=sent_id(house), status="5.1.1")
    post.cursors.clear()
    post.pages = [
        RetryLater("the report mailbox cannot be reached"),
        MailboxPage(messages=(b"Hello, a person writes",), cursor="7:1", more=True),
        MailboxPage(messages=(bounce.model_dump_json().encode(),) * 2, cursor="7:3"),
    ]
    for _ in range(3):
        clock.forward("1h")
        house.run(only="mail/poll")
    assert post.cursors[:4] == [None, None, "7:1", "7:3"]
    assert bounces(house) == [("hard", "mailbox", "5.1.1")]
    assert suppressions(house) == [("m", "bounced")]


def test_a_mail_of_ours_is_found_where_it_arrived_and_not_in_a_report_that_quotes_it(ledger, clock):
    post = Mailbox()
    house = House(ledger, clock, post=post)
    quoted = b"Subject: failed\r\n\r\nMessage-ID: <ours@example.com>"
    ours = b"Message-ID: <ours@example.com>\r\n\r\nHello"
    post.pages = [MailboxPage(messages=(quoted,), cursor="7:1"), MailboxPage(messages=(ours,), cursor="7:2")]
    assert arrived(house.ctx, "mail", "<ours@example.com>") == ours
    assert post.cursors == [None, "7:1"]


def test_a_mail_that_never_arrives_is_not_awaited_for_ever(ledger, clock):
    post = Mailbox()
    house = House(ledger, clock, post=post)
    begun = clock()
    post.pages = [MailboxPage(cursor="7:0")] * 100
    waited: list[timedelta] = []
    assert arrived(house.ctx, "mail", "<ours@example.com>", waiting=waited.append) is None
    assert waited == [timedelta(seconds=3 * number) for number in range(20)], "told from the first moment on"
    assert clock() - begun == timedelta(minutes=1)
    assert arrived(House(ledger, clock).ctx, "mail", "<ours@example.com>") is None
