"""Signature schemes: genuine webhooks are accepted; forged, stale and future ones are rejected."""

import base64
import hashlib
import hmac
import string
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from support.builtin_webhook import NOW, build_connection, build_request

from nps_connect import WebhookRejected, parse_timestamp
from nps_connect.builtin import webhook
from nps_connect.builtin.webhook.signatures import parse_elements

BODY = b'{"id": 1, "email": "lea.martin@example.com"}'
STAMP = str(int(NOW.timestamp()))
OLD, NEW = "the-old-secret", "the-new-secret"
"""Two secrets while the secret is being changed."""


def verify(signature, body, headers, *, at=NOW):
    webhook.nps_verify_webhook(build_connection(signature=signature), build_request(body, headers, at=at))


def digest(text, secret=NEW, algorithm=hashlib.sha256):
    return hmac.new(secret.encode(), text, algorithm)


def b64(mac):
    return base64.b64encode(mac.digest()).decode()


SHOPIFY = {"scheme": "hmac-sha256", "header": "X-Shopify-Hmac-Sha256", "encoding": "base64", "secrets": [OLD, NEW]}
GITHUB = {"scheme": "hmac-sha256", "header": "X-Hub-Signature-256", "prefix": "sha256=", "secrets": [NEW]}
SHA1 = {"scheme": "hmac-sha1", "header": "X-Signature", "secrets": [NEW]}
STRIPE = {
    "scheme": "hmac-sha256",
    "header": "Stripe-Signature",
    "signature_element": "v1",
    "timestamp_element": "t",
    "secrets": [OLD, NEW],
}
SLACK = {
    "scheme": "hmac-sha256",
    "header": "X-Slack-Signature",
    "prefix": "v0=",
    "timestamp_header": "X-Slack-Request-Timestamp",
    "signed": "v0:{timestamp}:{body}",
    "secrets": [NEW],
}
STANDARD = {"scheme": "standard-webhooks", "secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}
BEARER = {"scheme": "bearer", "secrets": [OLD, NEW]}


def stripe_header(secret=NEW, stamp=STAMP):
    return f"t={stamp},v0=something,v1={digest(f'{stamp}.'.encode() + BODY, secret).hexdigest()}"


GENUINE = {
    "shopify": (SHOPIFY, {"X-Shopify-Hmac-Sha256": b64(digest(BODY))}),
    "old secret": (SHOPIFY, {"X-Shopify-Hmac-Sha256": b64(digest(BODY, OLD))}),
    "prefix": (GITHUB, {"X-Hub-Signature-256": f"sha256={digest(BODY).hexdigest()}"}),
    "upper-case hex": (GITHUB, {"X-Hub-Signature-256": f"sha256={digest(BODY).hexdigest().upper()}"}),
    "sha1": (SHA1, {"X-Signature": digest(BODY, NEW, hashlib.sha1).hexdigest()}),
    "stripe": (STRIPE, {"Stripe-Signature": stripe_header()}),
    "two signatures": (
        STRIPE,
        {"Stripe-Signature": f"{stripe_header('unknown')},{stripe_header().rpartition(',')[2]}"},
    ),
    "slack": (
        SLACK,
        {
            "X-Slack-Signature": f"v0={digest(f'v0:{STAMP}:'.encode() + BODY).hexdigest()}",
            "X-Slack-Request-Timestamp": STAMP,
        },
    ),
    "bearer": (BEARER, {"Authorization": f"Bearer {NEW}"}),
    "bearer in lower case": (BEARER, {"Authorization": f"bearer {OLD}"}),
    "secret header": ({**BEARER, "header": "X-Api-Key"}, {"X-Api-Key": NEW}),
}


@pytest.mark.parametrize("name", GENUINE)
def test_genuine_webhooks_are_accepted_and_others_rejected(name):
    signature, headers = GENUINE[name]
    verify(signature, BODY, headers)
    for other in ({}, {key: value[:-2] + "00" for key, value in headers.items()}, dict.fromkeys(headers, "é")):
        with pytest.raises(WebhookRejected) as rejection:
            verify(signature, BODY, other)
        assert rejection.value.reason == "signature"
    if signature["scheme"] != "bearer":
        with pytest.raises(WebhookRejected):
            verify(signature, BODY + b" ", headers)


def test_the_published_vector_of_standard_webhooks_is_accepted():
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1a,unknown v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    verify(STANDARD, b'{"test": 2432232314}', headers, at=parse_timestamp("1614265331"))
    with pytest.raises(WebhookRejected, match="signature"):
        verify(STANDARD, b'{"test": 2432232315}', headers, at=parse_timestamp("1614265331"))


@pytest.mark.parametrize("offset", [timedelta(seconds=301), timedelta(seconds=-301)])
@pytest.mark.parametrize("name", ["stripe", "slack"])
def test_a_stale_or_future_timestamp_is_rejected_whatever_the_signature(name, offset):
    signature, headers = GENUINE[name]
    with pytest.raises(WebhookRejected) as rejection:
        verify(signature, BODY, headers, at=NOW + offset)
    assert rejection.value.reason == "stale"
    verify({**signature, "tolerance": 302}, BODY, headers, at=NOW + offset)


def test_a_changed_timestamp_breaks_the_signature():
    later = str(int(NOW.timestamp()) + 3600)
    with pytest.raises(WebhookRejected) as rejection:
        verify(STRIPE, BODY, {"Stripe-Signature": stripe_header().replace(STAMP, later)}, at=NOW + timedelta(hours=1))
    assert rejection.value.reason == "signature"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"header": None}, "needs header"),
        ({"signed": "{timestamp}"}, "does not cover the body"),
        ({"signed": "{timestamp}.{body}"}, "timestamp_header or timestamp_element"),
        ({"timestamp_element": "t"}, "needs signature_element"),
        ({"tolerance": 10}, "tolerance needs a timestamp"),
        ({"secrets": []}, "at least 1"),
        ({"secrets": ["short"]}, "fewer than 8"),
        ({"scheme": "bearer", "header": "X-Api-Key"}, "does not use encoding"),
        ({"scheme": "bearer", "header": "X-Shop"}, "is stored"),
        ({"scheme": "standard-webhooks"}, "whsec_"),
        ({"scheme": "none"}, "standard-webhooks"),
    ],
)
def test_a_scheme_that_proves_nothing_is_refused(change, problem):
    with pytest.raises(ValidationError, match=problem):
        build_connection(signature={**SHOPIFY, **change})


def test_a_source_without_a_signature_is_refused():
    with pytest.raises(ValidationError, match="signature"):
        build_connection(signature=None)


headers = st.text(string.ascii_letters + string.digits + "=,. +/é\x00", max_size=60)


@given(value=headers, stamp=headers)
def test_no_header_but_the_genuine_one_is_accepted(value, stamp):
    """Whatever an unknown sender writes, the answer is a rejection and nothing else."""
    names = ("Stripe-Signature", "X-Slack-Signature", "webhook-signature", "Authorization", "X-Shopify-Hmac-Sha256")
    request = build_request(
        BODY,
        dict.fromkeys(names, value)
        | {"X-Slack-Request-Timestamp": stamp, "webhook-id": "msg_1", "webhook-timestamp": stamp},
    )
    for signature in (SHOPIFY, STRIPE, SLACK, STANDARD, BEARER):
        with pytest.raises(WebhookRejected) as rejection:
            webhook.nps_verify_webhook(build_connection(signature=signature), request)
        assert rejection.value.reason in {"signature", "stale"}


@given(st.lists(st.tuples(st.sampled_from(["t", "v1", "v0"]), st.text(string.hexdigits, max_size=8)), max_size=8))
def test_elements_are_read_back_as_written(pairs):
    elements = parse_elements(", ".join(f"{name}={value}" for name, value in pairs))
    assert [(name, value) for name in elements for value in elements[name]] == sorted(
        pairs, key=lambda pair: list(elements).index(pair[0])
    )


@given(st.text(max_size=30) | st.integers(-(10**18), 10**18).map(str))
def test_a_timestamp_is_read_or_refused(text):
    moment = parse_timestamp(text)
    assert moment is None or moment.utcoffset() == timedelta()
