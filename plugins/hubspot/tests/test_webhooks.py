"""Signatures: HubSpot's known answers, the time window, secret rotation, and agreement with HubSpot's own package."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hubspot.utils.signature import Signature
from hypothesis import given
from hypothesis import strategies as st

import nps_connect_hubspot as plugin
from nps_connect import WebhookRejected
from nps_connect_hubspot.simulated.vendor import SECRET
from nps_connect_hubspot.webhooks import signature_v1, signature_v2, signature_v3, signed_url

KNOWN_SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
KNOWN_URL = "https://www.example.com/webhook_uri"
KNOWN_BODY = b"{'example_field':'example_value'}"
V1_BODY = (
    b'[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,'
    b'"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW",'
    b'"appId":54321}]'
)


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        ("1693657560000", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="),
        ("1700000300000", "RnbPH7+UMKVkbV32P8bz450N4M56aPmcru1+D3kSDtw="),
    ],
)
def test_known_signatures_of_version_3(make_connection, build_webhook_request, timestamp, expected):
    assert signature_v3(KNOWN_SECRET, "POST", KNOWN_URL, KNOWN_BODY, timestamp) == expected
    request = build_webhook_request(
        KNOWN_BODY, {"x-hubspot-signature-v3": expected, "x-hubspot-request-timestamp": timestamp}, url=KNOWN_URL
    ).model_copy(update={"received_at": datetime.fromtimestamp(int(timestamp) / 1000, UTC)})
    plugin.nps_verify_webhook(make_connection(webhook_secrets=[KNOWN_SECRET]), request)


def test_known_signatures_of_version_2():
    assert (
        signature_v2(KNOWN_SECRET, "GET", KNOWN_URL, b"")
        == "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e"
    )
    assert (
        signature_v2(KNOWN_SECRET, "POST", KNOWN_URL, b'{"example_field":"example_value"}')
        == "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900"
    )


def test_the_known_signature_of_version_1():
    expected = "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"
    assert signature_v1(KNOWN_SECRET, V1_BODY) == expected


@given(
    secret=st.text(min_size=1, alphabet=st.characters(codec="ascii", categories=["L", "N"])),
    body=st.text(),
    path=st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789/-_~."),
    timestamp=st.integers(min_value=0, max_value=10**13),
)
def test_hubspots_own_package_computes_the_same_signature(secret, body, path, timestamp):
    url = f"https://nps.example.com/{path}"
    expected = Signature.get_signature(secret, body, "v3", http_uri=url, http_method="POST", timestamp=str(timestamp))
    assert signature_v3(secret, "POST", url, body.encode(), str(timestamp)) == expected


@given(st.text(alphabet="abc%20263DFf5:/?@!$'()*,;&=+", max_size=60))
def test_only_the_listed_characters_are_decoded_and_only_once(path):
    decoded = signed_url(path)
    for kept in ("%20", "%26", "%3D", "%25"):
        assert decoded.count(kept) == path.count(kept)
    assert not any(code in decoded.replace("%25", "") for code in ("%3A", "%2F", "%3F", "%40")) or "%25" in path


def test_all_listed_characters_are_decoded():
    encoded = "%3A%2F%3F%40%21%24%27%28%29%2A%2C%3B"
    assert signed_url(f"https://nps.example.com/{encoded}?a=%20%26%3D") == (
        "https://nps.example.com/:/?@!$'()*,;?a=%20%26%3D"
    )


def simulated_webhook(vendor, email="person0@example.com", kind="deal.won", url="https://nps.example.com/hooks/crm"):
    [webhook] = vendor.webhooks(vendor.simulate_event(kind, email), url)
    return webhook


def test_a_genuine_webhook_is_accepted(connection, vendor, create_contacts, build_webhook_request):
    create_contacts(1)
    webhook = simulated_webhook(vendor)
    plugin.nps_verify_webhook(connection, build_webhook_request(webhook.body, dict(webhook.headers)))


@pytest.mark.parametrize("other", ["body", "url", "method", "header", "secret", "none"])
def test_a_tampered_webhook_is_rejected(make_connection, vendor, create_contacts, build_webhook_request, other):
    create_contacts(1)
    webhook = simulated_webhook(vendor)
    body = webhook.body + b" " if other == "body" else webhook.body
    url = "https://nps.example.com/hooks/other" if other == "url" else "https://nps.example.com/hooks/crm"
    headers = dict(webhook.headers)
    if other == "header":
        headers["x-hubspot-signature-v3"] = "é" + headers["x-hubspot-signature-v3"]
    if other == "none":
        del headers["x-hubspot-signature-v3"]
    secrets = ["another-client-secret"] if other == "secret" else [SECRET]
    with pytest.raises(WebhookRejected) as raised:
        plugin.nps_verify_webhook(
            make_connection(webhook_secrets=secrets),
            build_webhook_request(body, headers, url=url, method="PUT" if other == "method" else "POST"),
        )
    assert (raised.value.reason, raised.value.status) == ("signature", 401)
    assert SECRET not in str(raised.value)


def test_two_secrets_are_valid_during_a_rotation(make_connection, vendor, create_contacts, build_webhook_request):
    create_contacts(1)
    webhook = simulated_webhook(vendor)
    for secrets in (["the-old-secret", SECRET], [SECRET, "the-new-secret"]):
        plugin.nps_verify_webhook(
            make_connection(webhook_secrets=secrets), build_webhook_request(webhook.body, dict(webhook.headers))
        )


@pytest.mark.parametrize(("seconds", "is_accepted"), [(-301, False), (-299, True), (299, True), (301, False)])
def test_the_window_is_five_minutes_in_both_directions(
    connection, vendor, create_contacts, build_webhook_request, seconds, is_accepted
):
    create_contacts(1)
    webhook = simulated_webhook(vendor)
    request = build_webhook_request(webhook.body, dict(webhook.headers))
    late = request.model_copy(update={"received_at": request.received_at + timedelta(seconds=seconds)})
    if is_accepted:
        plugin.nps_verify_webhook(connection, late)
    else:
        with pytest.raises(WebhookRejected) as raised:
            plugin.nps_verify_webhook(connection, late)
        assert raised.value.reason == "stale"


@pytest.mark.parametrize("timestamp", ["", "yesterday", "-1", "1e12", "9" * 40, "١٢٣"])
def test_an_invalid_timestamp_is_stale(connection, build_webhook_request, timestamp):
    signature = signature_v3(SECRET, "POST", "https://nps.example.com/hooks/crm", b"[]", timestamp)
    headers = {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": timestamp}
    with pytest.raises(WebhookRejected) as raised:
        plugin.nps_verify_webhook(connection, build_webhook_request(b"[]", headers))
    assert raised.value.reason == "stale"


def test_older_versions_are_accepted_only_if_configured(
    make_connection, vendor, create_contacts, build_webhook_request
):
    create_contacts(1)
    webhook = simulated_webhook(vendor)
    older = {name: value for name, value in webhook.headers.items() if "v3" not in name}
    with pytest.raises(WebhookRejected):
        plugin.nps_verify_webhook(make_connection(), build_webhook_request(webhook.body, older))
    plugin.nps_verify_webhook(make_connection(signatures=["v3", "v1"]), build_webhook_request(webhook.body, older))


def test_a_v2_signature_is_accepted_if_configured(make_connection, build_webhook_request):
    url = "https://nps.example.com/hooks/crm"
    headers = {
        "x-hubspot-signature": signature_v2(SECRET, "POST", url, b"[]"),
        "x-hubspot-signature-version": "v2",
    }
    plugin.nps_verify_webhook(make_connection(signatures=["v2"]), build_webhook_request(b"[]", headers))
    with pytest.raises(WebhookRejected):
        plugin.nps_verify_webhook(make_connection(signatures=["v1"]), build_webhook_request(b"[]", headers))


def test_a_connection_without_a_secret_rejects_everything(make_connection, build_webhook_request):
    headers = {"x-hubspot-signature-v3": signature_v3("", "POST", "https://nps.example.com/hooks/crm", b"[]", "1")}
    with pytest.raises(WebhookRejected, match="no webhook_secrets"):
        plugin.nps_verify_webhook(make_connection(webhook_secrets=[]), build_webhook_request(b"[]", headers))
