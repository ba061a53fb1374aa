"""Webhooks that are sent: signatures, ids, refusals and settings, with a receiver that uses the public package."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import httpx
import pytest
from pydantic import ValidationError
from standardwebhooks.webhooks import Webhook
from support.simulated_receiver import OLD_SECRET, SECRET, SimulatedReceiver

from nps_connect import NotAllowed, OutgoingWebhook, RateLimited, Receipt, RetryLater, VendorReply
from nps_connect.builtin import webhook as plugin
from nps_connect.builtin.webhook.sender import build_headers
from nps_connect.builtin.webhook.settings import WebhookSettings
from nps_connect.testing.effect_checks import EffectChecks
from nps_connect.testing.fakes import FixedClock, connect
from nps_connect.testing.fault_checks import FaultChecks
from nps_connect.testing.thread_checks import ThreadChecks

URL = "https://warehouse.example.com/hooks/nps?tenant=7"
TABLE = MappingProxyType({"url": URL, "secrets": [SECRET], "events": ["response.recorded"]})


class TestContract(FaultChecks, ThreadChecks, EffectChecks):
    """The parts of the plugin contract that concern calls; nothing of the check calls the receiver."""

    plugin = plugin
    settings = MappingProxyType({"outgoing": TABLE})
    vendor = SimulatedReceiver

    @classmethod
    def parameters(cls):
        parameters = super().parameters()
        calls = [call for call in parameters["vendor_call"] if call.writes]
        faults = [fault for fault in parameters["fault_case"] if fault.name != "not JSON"]  # any 2xx is a success
        return {**parameters, "vendor_call": calls, "fault_case": faults}


@pytest.fixture
def receiver():
    return SimulatedReceiver(FixedClock())


def send(receiver, *webhooks, **table):
    connection = connect(plugin, {"outgoing": {**TABLE, **table}}, receiver)
    return plugin.nps_send_webhooks(connection, webhooks or [build_webhook()])


def build_webhook(key="send_webhook-1-a", **data):
    return OutgoingWebhook(
        idempotency_key=key, type="response.recorded", timestamp=datetime(2026, 3, 1, 8, 30, tzinfo=UTC), data=data
    )


def test_nps_send_webhooks_posts_type_moment_and_data_signed_with_the_id_of_the_delivery(receiver):
    data = {"response": {"id": "r-1", "comment": "Très bien — « parfait » 😀"}}
    assert send(receiver, build_webhook(**data)) == [Receipt(id="send_webhook-1-a")]
    assert receiver.received == {
        "send_webhook-1-a": {"type": "response.recorded", "timestamp": "2026-03-01T08:30:00Z", "data": data}
    }


def test_the_public_package_verifies_a_webhook_and_refuses_a_changed_one():
    connection = connect(
        plugin, {"outgoing": TABLE}, clock=lambda: datetime.now(UTC), transport=httpx.MockTransport(None)
    )
    body = b'{"type":"response.recorded"}'
    headers = build_headers(connection, build_webhook(), body)
    assert Webhook(SECRET).verify(body, headers) == json.loads(body)
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(SECRET).verify(body + b" ", headers)


def test_while_a_secret_is_changed_both_verify(receiver):
    for known_secret in (SECRET, OLD_SECRET):
        receiver.secret = known_secret
        assert isinstance(send(receiver, secrets=[SECRET, OLD_SECRET])[0], Receipt)
        receiver.attempts[-1]["webhook-signature"].index(" ")
    receiver.secret = OLD_SECRET
    assert not isinstance(send(receiver, secrets=[SECRET])[0], Receipt)


def test_a_later_attempt_has_the_same_id_and_its_own_timestamp(receiver):
    send(receiver)
    receiver.clock.forward(timedelta(hours=7))
    assert isinstance(send(receiver)[0], Receipt)
    first, second = receiver.attempts
    assert first["webhook-id"] == second["webhook-id"]
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 7 * 3600


@pytest.mark.parametrize(
    ("reply", "expected", "text"),
    [
        (VendorReply(400), RetryLater, "answered 400"),
        (VendorReply(404), RetryLater, "answered 404"),
        (VendorReply(410), NotAllowed, "wants no more webhooks"),
        (VendorReply(308, headers={"location": "https://elsewhere.example.com"}), NotAllowed, "is not followed"),
        (VendorReply(429, headers={"retry-after": "30"}), RateLimited, "answered 429"),
        (VendorReply(503, headers={"retry-after": "30"}), RetryLater, "answered 503"),
    ],
)
def test_what_an_answer_means(receiver, reply, expected, text):
    receiver.replies = [reply]
    [outcome] = send(receiver)
    assert type(outcome) is expected
    assert text in outcome.message
    if "retry-after" in reply.headers:
        assert outcome.after == timedelta(seconds=30)


def test_one_refused_webhook_does_not_stop_the_others_and_a_refusal_of_all_does(receiver):
    webhooks = [build_webhook(f"send_webhook-{number}-a") for number in range(3)]
    receiver.replies = [VendorReply(400)]
    assert [isinstance(outcome, Receipt) for outcome in send(receiver, *webhooks)] == [False, True, True]
    receiver.replies = [VendorReply(410)]
    assert [type(outcome) for outcome in send(receiver, *webhooks)] == [NotAllowed] * 3
    assert len(receiver.attempts) == 4


def test_a_table_that_was_removed_holds_what_is_waiting():
    connection = connect(plugin, {})
    [outcome] = plugin.nps_send_webhooks(connection, [build_webhook()])
    assert isinstance(outcome, NotAllowed)
    assert "connections.crm.outgoing" in outcome.message


def test_a_sandbox_replaces_the_host_and_keeps_path_and_query():
    settings = WebhookSettings.model_validate(
        {"plugin": "webhook", "base_url": "http://127.0.0.1:9/w", "outgoing": TABLE}
    )
    assert plugin.nps_connector().base_url(settings) == "http://127.0.0.1:9/w/hooks/nps?tenant=7"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"url": "http://warehouse.example.com/"}, "must be https"),
        ({"url": "https://user:secret@warehouse.example.com/"}, "no user name"),
        ({"secrets": []}, "at least 1 item"),
        ({"secrets": ["whsec_c2hvcnQ="]}, "24 to 64 bytes"),
        ({"secrets": ["whsec_not base64, not base64, not base64"]}, "base64"),
        ({"events": []}, "at least 1 item"),
        ({"events": ["response.deleted"]}, "response.recorded"),
        ({"all_decisions": True}, "decision.made"),
        ({"timeout": 300}, "less than or equal to 30"),
    ],
)
def test_mistakes_in_the_table_are_refused(change, problem):
    with pytest.raises(ValidationError, match=problem) as error:
        WebhookSettings.model_validate({"plugin": "webhook", "outgoing": {**TABLE, **change}})
    assert SECRET not in str(error.value)


def test_http_to_this_machine_is_allowed():
    settings = WebhookSettings.model_validate(
        {"plugin": "webhook", "outgoing": {**TABLE, "url": "http://127.0.0.1:8000/hooks"}}
    )
    assert settings.outgoing.timeout == 20


def test_the_check_says_what_is_sent_where_without_the_path():
    connection = connect(plugin, {"outgoing": TABLE}, SimulatedReceiver(FixedClock()))
    texts = [finding.text for finding in plugin.nps_check(connection)]
    assert texts == [
        "receives no webhooks",
        "webhooks to warehouse.example.com (not tried), signed with one secret: response.recorded",
        "warehouse.example.com receives what people wrote, but is not told when one of them is erased",
    ]
    table = {**TABLE, "events": ["response.recorded", "contact.erased"]}
    connection = connect(plugin, {"outgoing": table}, SimulatedReceiver(FixedClock()))
    assert {finding.severity for finding in plugin.nps_check(connection)} == {"ok"}
