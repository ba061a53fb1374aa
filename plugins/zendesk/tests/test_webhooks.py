"""nps_verify_webhook: Zendesk's signature, and a time window of five minutes in both directions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect import WebhookRejected, WebhookRequest
from nps_connect_zendesk import nps_verify_webhook
from nps_connect_zendesk.webhooks import signature

TEST_SECRET = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="
AT = datetime(2021, 3, 25, 5, 9, 27, tzinfo=UTC)
STAMP = "2021-03-25T05:09:27Z"
BODY = b'{"event":"ticket.updated","id":123}'
VECTORS = [
    (BODY, "S/RDdU2ERmj7LHDDoWJ2onPYH+t7/f2+LTM4dL7UiLM="),
    (b'{"hello":"world"}', "y9gOnFFwlMu0aTsuxNi9B7V4WQ6w8SIJfgCbG94PGO8="),
]


def request(body=BODY, given_signature=VECTORS[0][1], stamp=STAMP, received_at=AT, **headers):
    signature_headers = {
        "x-zendesk-webhook-signature": given_signature,
        "x-zendesk-webhook-signature-timestamp": stamp,
    }
    present = {name: value for name, value in {**signature_headers, **headers}.items() if value is not None}
    url = "https://nps.example.com/hooks/helpdesk"
    return WebhookRequest(method="POST", url=url, headers=present, body=body, received_at=received_at)


@pytest.fixture
def connection(helpdesk):
    return helpdesk(webhook_secret=TEST_SECRET, events="webhook")


def rejection_reason(connection, webhook_request):
    with pytest.raises(WebhookRejected) as raised:
        nps_verify_webhook(connection, webhook_request)
    assert raised.value.status == 401
    return raised.value.reason


@pytest.mark.parametrize(("body", "expected"), VECTORS)
def test_nps_verify_webhook_accepts_known_signatures(connection, body, expected):
    assert signature(TEST_SECRET, STAMP, body) == expected
    assert nps_verify_webhook(connection, request(body, expected)) is None


def test_the_secret_is_text_and_timestamp_and_body_are_concatenated(connection):
    dotted = signature(TEST_SECRET, STAMP + ".", BODY)
    assert rejection_reason(connection, request(given_signature=dotted)) == "signature"


@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
def test_timestamps_within_five_minutes_are_accepted(connection, seconds):
    assert nps_verify_webhook(connection, request(received_at=AT + timedelta(seconds=seconds))) is None


@pytest.mark.parametrize("seconds", [-301, 301, 86_400, -86_400])
def test_older_and_future_timestamps_are_stale(connection, seconds):
    assert rejection_reason(connection, request(received_at=AT + timedelta(seconds=seconds))) == "stale"


@pytest.mark.parametrize("stamp", ["yesterday", "2021-03-25T05:09:27", "2021-13-45T99:99:99Z"])
def test_a_signed_timestamp_that_is_invalid_is_stale(connection, stamp):
    assert (
        rejection_reason(connection, request(given_signature=signature(TEST_SECRET, stamp, BODY), stamp=stamp))
        == "stale"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"body": BODY + b" "},
        {"stamp": "2021-03-25T05:09:28Z"},
        {"given_signature": VECTORS[1][1]},
        {"given_signature": VECTORS[0][1].lower()},
        {"given_signature": ""},
        {"given_signature": None},
        {"stamp": None},
        {"given_signature": "é" * 44},
    ],
)
def test_a_tampered_webhook_is_rejected(connection, changes):
    assert rejection_reason(connection, request(**changes)) == "signature"


def test_without_a_secret_everything_is_rejected(helpdesk):
    assert rejection_reason(helpdesk(), request()) == "signature"


def test_two_secrets_are_valid_during_a_rotation(helpdesk):
    connection = helpdesk(webhook_secret="another-secret", extra_webhook_secrets=[TEST_SECRET])
    assert nps_verify_webhook(connection, request()) is None


def test_an_empty_body_can_be_signed(connection):
    assert nps_verify_webhook(connection, request(b"", signature(TEST_SECRET, STAMP, b""))) is None


@given(st.binary(max_size=60), st.text(max_size=30), st.text(max_size=60))
def test_random_input_is_rejected(body, stamp, given_signature):
    connection = type("C", (), {"settings": type("S", (), {"webhook_secrets": ()})()})()
    assert rejection_reason(connection, request(body, given_signature or "x", stamp or "x")) == "signature"


def test_the_simulated_vendor_signs_like_zendesk(vendor, helpdesk, clock):
    connection = helpdesk(webhook_secret="sandbox-zendesk-webhook-secret")
    url = "https://nps.example.com/hooks/helpdesk"
    (sent,) = vendor.webhooks(vendor.simulate_event("ticket.solved", "ada@example.com"), url)
    webhook_request = WebhookRequest(
        method="POST", url=url, headers=dict(sent.headers), body=sent.body, received_at=clock()
    )
    assert nps_verify_webhook(connection, webhook_request) is None
