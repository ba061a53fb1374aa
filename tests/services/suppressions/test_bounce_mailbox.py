"""Reports in the bounce mailbox: read page by page; waiting for the arrival of a mail."""

from __future__ import annotations

from datetime import timedelta

from support.application import ApplicationHarness
from support.bounce_scenarios import load_bounces, load_suppressions, survey_message_id
from support.fake_vendors import FakeMailChannel

from nps_connect import Bounce, DeliveryError, MailboxPage, RetryLater, WebhookRejected, hookimpl
from nps_connect.services.operations.status import load_status
from nps_connect.services.suppressions.bounces import wait_for_arrival


class MailboxChannel(FakeMailChannel):
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
        if message == b"a bomb":
            raise RecursionError
        if not message.startswith(b"{"):
            raise WebhookRejected("unreadable", "not a report")
        return [Bounce.model_validate_json(message)]


def test_reports_are_read_page_by_page_and_what_cannot_be_read_is_skipped_and_logged(ledger, clock, caplog):
    channel = MailboxChannel()
    application = ApplicationHarness(ledger, clock, post=channel)
    application.post = channel
    application.surveyed()
    bounce = Bounce(kind="hard", address="marie@example.com", message_id=survey_message_id(application), status="5.1.1")
    channel.cursors.clear()
    channel.pages = [
        RetryLater("the report mailbox cannot be reached"),
        MailboxPage(messages=(b"Hello, a person writes", b"a bomb"), cursor="7:1", more=True),
        MailboxPage(messages=(bounce.model_dump_json().encode(),) * 2, cursor="7:3"),
    ]
    clock.forward("1h")
    application.run(only="mail/poll")
    with ledger.read() as session:
        failing = load_status(session, application.ctx.settings, clock()).connections["mail"].bounce_mailbox_failure
    assert (failing.since, failing.reason) == (clock(), "the report mailbox cannot be reached")
    for _ in range(2):
        clock.forward("1h")
        application.run(only="mail/poll")
    with ledger.read() as session:
        connections = load_status(session, application.ctx.settings, clock()).connections
        assert connections["mail"].bounce_mailbox_failure is None
    assert channel.cursors[:4] == [None, None, "7:1", "7:3"]
    assert load_bounces(application) == [("hard", "mailbox", "5.1.1")]
    assert "bounce_report_unreadable connection=mail error=RecursionError" in caplog.text
    assert load_suppressions(application) == [("m", "bounced")]


def test_an_arrived_mail_is_found_but_not_a_report_that_quotes_it(ledger, clock):
    channel = MailboxChannel()
    application = ApplicationHarness(ledger, clock, post=channel)
    quoted = b"Subject: failed\r\n\r\nMessage-ID: <ours@example.com>"
    arrived = b"Message-ID: <ours@example.com>\r\n\r\nHello"
    channel.pages = [MailboxPage(messages=(quoted,), cursor="7:1"), MailboxPage(messages=(arrived,), cursor="7:2")]
    assert wait_for_arrival(application.ctx, "mail", "<ours@example.com>") == arrived
    assert channel.cursors == [None, "7:1"]


def test_waiting_for_a_mail_ends_with_the_timeout(ledger, clock):
    channel = MailboxChannel()
    application = ApplicationHarness(ledger, clock, post=channel)
    started_at = clock()
    channel.pages = [MailboxPage(cursor="7:0")] * 100
    waited: list[timedelta] = []
    assert wait_for_arrival(application.ctx, "mail", "<ours@example.com>", on_wait=waited.append) is None
    assert waited == [timedelta(seconds=3 * number) for number in range(20)], "progress is reported from the start"
    assert clock() - started_at == timedelta(minutes=1)
    assert wait_for_arrival(ApplicationHarness(ledger, clock).ctx, "mail", "<ours@example.com>") is None
