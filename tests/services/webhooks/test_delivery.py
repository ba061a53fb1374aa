"""The built-in plugin and the delivery engine together: retries, refusals, replays, restores, retention."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from support.application import ApplicationHarness
from support.simulated_receiver import SECRET, SimulatedReceiver

from nps_connect import VendorReply
from nps_connect.builtin import webhook as plugin
from nps_connect.ledger import pauses
from nps_connect.sandbox.vendor_transport import VendorTransport
from nps_connect.services.deliveries.operator_actions import load_deliveries_by_id, retry_by_operator
from nps_connect.services.operations.data_requests import export_person, find_person
from nps_connect.services.operations.explain import explain_person, resolve_contacts
from nps_connect.services.operations.ledger_findings import load_findings
from nps_connect.services.operations.restored import mark_restored
from nps_connect.services.operations.retention import apply_retention
from nps_connect.settings.origins import ReferencedText

EMAIL = "marie@example.com"
QUEUE_SCOPE = pauses.queue_scope("warehouse", "send_webhook")


class RecordingTransport(VendorTransport):
    """Keeps the timeouts of the requests."""

    def __init__(self, vendor, prefix):
        super().__init__(vendor, prefix)
        self.read_timeouts = set()

    def handle_request(self, request):
        self.read_timeouts.add(request.extensions["timeout"]["read"])
        return super().handle_request(request)


@pytest.fixture
def application(ledger, clock):
    receiver = SimulatedReceiver(clock)
    outgoing = {
        "url": "https://warehouse.example.com/hooks",
        "secrets": [ReferencedText(SECRET, "variable SECRET")],
        "events": ["response.recorded", "contact.erased"],
        "timeout": 7,
    }
    change = {
        "connections": {"warehouse": {"plugin": "webhook", "outgoing": outgoing}},
        "retention": {"comments": "30d"},
    }
    transport = RecordingTransport(receiver, "/hooks")
    transports = {"warehouse": transport}
    application = ApplicationHarness(ledger, clock, change, transports=transports, webhook=plugin)
    application.receiver, application.transport = receiver, transport
    return application


def respond(application):
    application.answer(application.surveyed("1", EMAIL), 9, "Très bien")


def webhooks(application):
    return application.deliveries("send_webhook")


def run_to_the_end(application):
    """Carry out every attempt of the webhook, each at its time; return the webhook."""
    application.run()
    while (row := webhooks(application)[0]).state == "pending":
        application.clock.now = max(application.clock.now + timedelta(minutes=2), row.due_at)  # past an open breaker
        application.run(only="send_webhook")
    return row


def retry(application, row, **options):
    ctx = application.ctx
    with ctx.ledger.write() as session:
        [row] = load_deliveries_by_id(session, [row.id])
        result = retry_by_operator(session, row, actions=ctx.actions, settings=ctx.settings, now=ctx.clock(), **options)
    application.run()
    return result.refused


def test_a_receiver_that_fails_for_two_days_gets_the_webhook_once_under_one_id(application):
    application.receiver.replies = [VendorReply(500)] * 8
    respond(application)
    row = run_to_the_end(application)
    assert (row.state, row.receipt_id) == ("succeeded", row.key)
    assert list(application.receiver.received) == [row.key]
    assert {attempt["webhook-id"] for attempt in application.receiver.attempts} == {row.key}
    stamps = [int(attempt["webhook-timestamp"]) for attempt in application.receiver.attempts]
    assert stamps == sorted(set(stamps))
    assert timedelta(seconds=stamps[-1] - stamps[0]) > timedelta(days=1)


def test_a_receiver_that_never_answers_has_a_dead_webhook_after_about_three_days(application):
    application.receiver.replies = [VendorReply(400)] * 100
    respond(application)
    row = run_to_the_end(application)
    assert (row.state, row.attempts) == ("dead", 10)
    stamps = [int(attempt["webhook-timestamp"]) for attempt in application.receiver.attempts]
    assert timedelta(days=2.5) < timedelta(seconds=stamps[-1] - stamps[0]) < timedelta(days=4)
    application.receiver.replies = []
    application.clock.forward("5m")  # the circuit breaker lets one try through again
    assert retry(application, row) is None
    assert list(application.receiver.received) == [row.key]


def test_a_receiver_that_is_gone_gets_no_more_and_nothing_is_lost(application):
    tokens = [application.surveyed(str(number), f"person{number}@example.com") for number in range(2)]
    application.receiver.replies = [VendorReply(410)]
    for token in tokens:
        application.answer(token, 9)
        application.run()
    assert len(application.receiver.attempts) == 1
    assert [row.state for row in webhooks(application)] == ["pending", "pending"]
    with application.ledger.read() as session:
        assert "wants no more webhooks" in pauses.load_pauses(session)[QUEUE_SCOPE].reason
        findings = load_findings(session, application.ctx.settings, application.clock())
    assert "receiver-refuses" in {finding.id for finding in findings}
    assert "scope-missing" not in {finding.id for finding in findings}
    application.clock.forward("2h")  # the hourly check of the connection finds nothing and lets one try through
    application.run()
    assert len(application.receiver.received) == 2


def test_a_webhook_that_was_received_is_sent_again_on_request_only_with_the_same_id_and_body(application):
    respond(application)
    application.run()
    [row] = webhooks(application)
    body = application.receiver.received.pop(row.key)
    assert retry(application, row) == "it was received; to send it again with the same id: --even-if-sent"
    assert retry(application, row, even_if_sent=True) is None
    assert application.receiver.received == {row.key: body}
    score = application.deliveries("write_score")[0]
    assert "only dead and held" in retry(application, score, even_if_sent=True)


def test_after_a_restore_what_was_waiting_is_sent_with_the_same_id(application):
    respond(application)
    mark_restored(application.ctx, taken_at=None, journals=[])
    application.run()
    [row] = webhooks(application)
    assert (row.state, list(application.receiver.received)) == ("succeeded", [row.key])


def test_the_content_goes_with_the_comments_and_cannot_be_sent_again(application):
    respond(application)
    application.run()
    application.clock.forward("40d")
    apply_retention(application.ctx, {})
    [row] = webhooks(application)
    assert row.payload is None
    refusal = "its content was removed by an erasure or by retention"
    assert retry(application, row, even_if_sent=True) == refusal


def test_explain_names_the_type(application):
    respond(application)
    application.run()
    with application.ledger.read() as session:
        contacts = resolve_contacts(session, EMAIL, ["crm"])
        texts = [entry.text for entry in explain_person(session, contacts, now=application.clock()).entries]
    assert [text.partition(" as ")[0] for text in texts if "send_webhook" in text] == [
        "send_webhook response.recorded on warehouse: succeeded"
    ]


def test_a_receiver_that_cannot_be_reached_loses_nothing(application):
    application.receiver.handle = lambda _request: (_ for _ in ()).throw(httpx.ConnectError("refused"))
    respond(application)
    application.run()
    [row] = webhooks(application)
    assert (row.state, row.error_kind) == ("pending", "retry_later")


def test_the_configured_timeout_applies(application):
    respond(application)
    application.run()
    assert application.transport.read_timeouts == {7}


def test_a_person_s_export_holds_what_was_sent_about_them(application):
    respond(application)
    application.run()
    ctx = application.ctx
    with application.ledger.read() as session:
        exported = export_person(ctx, session, find_person(session, EMAIL, ["crm"]))
    [row] = [row for row in exported["deliveries"] if row["action"] == "send_webhook"]
    assert row["payload"]["data"]["response"]["comment"] == "Très bien"
