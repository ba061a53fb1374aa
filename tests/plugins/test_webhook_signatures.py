"""What plugins verify webhooks with."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from nps_connect import (
    WebhookRejected,
    WebhookRequest,
    sign_hmac,
    sign_standard_webhook,
    verify_age,
    verify_hmac,
    verify_secret,
    verify_standard_webhook,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
BODY = b'{"id": 1}'


def request_of(body=BODY, **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return WebhookRequest(method="POST", url="https://nps.example.com/", headers=names, body=body, received_at=NOW)


@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("algorithm", ["sha256", "sha1"])
def test_any_secret_of_the_connection_verifies(algorithm, encoding):
    signature = sign_hmac("new", BODY, algorithm=algorithm, encoding=encoding)
    verify_hmac(signature, BODY, ["old", SecretStr("new")], algorithm=algorithm, encoding=encoding)


def test_hexadecimal_digits_may_be_in_upper_case():
    verify_hmac(sign_hmac("s", BODY).upper(), BODY, ["s"])


@pytest.mark.parametrize("received", ["", "é", "0" * 64, ["", "x"], []])
def test_a_wrong_signature_is_rejected(received):
    with pytest.raises(WebhookRejected, match="does not match") as rejected:
        verify_hmac(received, BODY, ["secret"])
    assert rejected.value.reason == "signature"


def test_a_signature_of_another_body_is_rejected():
    with pytest.raises(WebhookRejected):
        verify_hmac(sign_hmac("s", BODY), BODY + b" ", ["s"])


@pytest.mark.parametrize("secrets", [[], [""], [SecretStr("")]])
def test_without_a_secret_nothing_is_believed(secrets):
    with pytest.raises(WebhookRejected, match="no secret") as rejected:
        verify_secret([""], secrets)
    assert rejected.value.reason == "signature"


def test_an_empty_secret_signs_nothing_that_is_believed():
    with pytest.raises(WebhookRejected, match="no secret"):
        verify_hmac(sign_hmac("", BODY), BODY, [SecretStr("")])


@pytest.mark.parametrize(("seconds", "is_accepted"), [(300, True), (-300, True), (301, False), (-301, False)])
def test_a_timestamp_holds_for_five_minutes_in_both_directions(seconds, is_accepted):
    timestamp = (NOW + timedelta(seconds=seconds)).isoformat()
    if is_accepted:
        verify_age(timestamp, NOW)
    else:
        with pytest.raises(WebhookRejected) as rejected:
            verify_age(timestamp, NOW)
        assert rejected.value.reason == "stale"


@pytest.mark.parametrize("timestamp", ["", "soon", "2026-03-02T09:00:00", "9" * 30])
def test_what_is_no_moment_is_stale(timestamp):
    with pytest.raises(WebhookRejected, match="not a time"):
        verify_age(timestamp, NOW)


def test_standard_webhooks_are_verified():
    stamp = str(int(NOW.timestamp()))
    signatures = "v2,other " + sign_standard_webhook("whsec_c2VjcmV0", "m1", stamp, BODY)
    headers = {"webhook_id": "m1", "webhook_timestamp": stamp, "webhook_signature": signatures}
    verify_standard_webhook(request_of(**headers), ["b3RoZXI=", SecretStr("c2VjcmV0")])
    for changed in ({"webhook_id": "m2"}, {"webhook_timestamp": stamp + "0"}, {"webhook_signature": "v1,x"}):
        with pytest.raises(WebhookRejected, match="does not match"):
            verify_standard_webhook(request_of(**{**headers, **changed}), ["c2VjcmV0"])
    with pytest.raises(WebhookRejected, match="webhook-id is missing"):
        verify_standard_webhook(request_of(), ["c2VjcmV0"])


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe{", b"[" * 100_000])
def test_a_body_that_is_not_json_is_unreadable(body):
    with pytest.raises(WebhookRejected) as rejected:
        request_of(body).json()
    assert rejected.value.reason == "unreadable"


def test_a_list_is_json_and_no_object():
    assert request_of(b"[1]").json() == [1]
    assert request_of().json_object() == {"id": 1}
    with pytest.raises(WebhookRejected, match="not a JSON object"):
        request_of(b"[1]").json_object()
