"""Each way of believing or reading webhooks wrongly is found."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from testing import acme
from testing.acme.simulated import SECRET, SimulatedAcme, sign

from nps_connect import VendorWebhook, WebhookRejected
from nps_connect.testing import START, GoldenWebhook
from nps_connect.testing.mutations import json_paths, with_unknown_fields, with_unknown_names, with_value, without_path

CHECKS = (
    "test_golden_webhooks_are_believed_and_read",
    "test_a_resend_gives_the_same_keys",
    "test_tampered_webhooks_are_refused",
    "test_stale_webhooks_are_refused",
    "test_kinds_that_nobody_knows_give_no_events",
    "test_fields_that_nobody_knows_do_no_harm",
    "test_bodies_of_any_shape_are_read_or_refused",
)


@pytest.mark.parametrize("check", CHECKS)
def test_the_good_plugin_passes(contract, findings, check):
    assert findings(contract(acme), check) == []


def refusing_genuine_ones(connection, request):
    raise WebhookRejected("signature")


def believing_everything(connection, request):
    return None


def answering_instead_of_raising(connection, request):
    return False


def asking_the_vendor(connection, request):
    connection.http.call("GET", "/me", action="verify", idempotent=True)
    return acme.nps_verify_webhook(connection, request)


def believing_old_ones(connection, request):
    moment = int(request.headers.get("x-acme-time", "0"))
    at = datetime.fromtimestamp(moment / 1000, UTC)
    return acme.nps_verify_webhook(connection, request.model_copy(update={"received_at": at}))


def knowing_one_secret(connection, request):
    if request.headers.get("x-acme-signature") != sign(SECRET, request.headers.get("x-acme-time", ""), request.body):
        raise WebhookRejected("signature")


def crashing_over_odd_headers(connection, request):
    request.headers.get("x-acme-signature", "").encode("ascii")
    return acme.nps_verify_webhook(connection, request)


def telling_the_secret(connection, request):
    try:
        return acme.nps_verify_webhook(connection, request)
    except WebhookRejected as refused:
        secret = connection.settings.webhook_secret.get_secret_value()
        raise WebhookRejected(refused.reason, f"not signed with {secret}") from None


@pytest.mark.parametrize(
    ("verify", "check"),
    [
        (refusing_genuine_ones, CHECKS[0]),
        (answering_instead_of_raising, CHECKS[0]),
        (asking_the_vendor, CHECKS[0]),
        (believing_everything, CHECKS[2]),
        (knowing_one_secret, CHECKS[2]),
        (crashing_over_odd_headers, CHECKS[2]),
        (telling_the_secret, CHECKS[2]),
        (believing_everything, CHECKS[3]),
        (believing_old_ones, CHECKS[3]),
    ],
)
def test_believing_wrongly(contract, changed, findings, verify, check):
    assert findings(contract(changed(nps_verify_webhook=verify)), check)


def reading_nothing(connection, request):
    return []


def undeclared_kinds(connection, request):
    events = acme.nps_parse_events(connection, request)
    return [event.model_copy(update={"kind": "deal.lost"}) for event in events]


def one_key_for_all(connection, request):
    events = acme.nps_parse_events(connection, request)
    return [event.model_copy(update={"key": "the-key"}) for event in [*events, *events]]


def chance_in_keys(connection, request):
    events = acme.nps_parse_events(connection, request)
    return [event.model_copy(update={"key": str(connection.random.random())}) for event in events]


def arrival_in_keys(connection, request):
    events = acme.nps_parse_events(connection, request)
    return [event.model_copy(update={"key": request.headers["x-acme-signature"]}) for event in events]


def completing_while_reading(connection, request):
    return acme.nps_complete_events(connection, acme.nps_parse_events(connection, request), [])


def guessing_at_unknown_kinds(connection, request):
    changed = json.loads(request.body)
    for fact in changed["sent"]:
        fact["type"] = "deal.won"
    return acme.nps_parse_events(connection, request.model_copy(update={"body": json.dumps(changed).encode()}))


def strict_about_fields(connection, request):
    if any(set(fact) != {"type", "deal", "person", "at"} for fact in json.loads(request.body)["sent"]):
        raise WebhookRejected("unreadable")
    return acme.nps_parse_events(connection, request)


def crashing_over_odd_shapes(connection, request):
    json.loads(request.body)["sent"][0]["type"].upper()
    return acme.nps_parse_events(connection, request)


@pytest.mark.parametrize(
    ("parse", "check"),
    [
        (reading_nothing, CHECKS[0]),
        (undeclared_kinds, CHECKS[0]),
        (one_key_for_all, CHECKS[0]),
        (chance_in_keys, CHECKS[0]),
        (completing_while_reading, CHECKS[0]),
        (arrival_in_keys, CHECKS[1]),
        (guessing_at_unknown_kinds, CHECKS[4]),
        (strict_about_fields, CHECKS[5]),
        (crashing_over_odd_shapes, CHECKS[6]),
    ],
)
def test_reading_wrongly(contract, changed, findings, parse, check):
    class Resigning(SimulatedAcme):
        def webhooks(self, facts, url):
            self.clock.forward(timedelta(seconds=1))
            return super().webhooks(facts, url)

    assert findings(contract(changed(nps_parse_events=parse), vendor=Resigning), check)


class Silent(SimulatedAcme):
    def webhooks(self, facts, url):
        return []


def test_without_any_golden_webhook_nothing_is_proven(contract, findings):
    for check in set(CHECKS) - {"test_a_resend_gives_the_same_keys"}:
        assert "give golden webhooks" in findings(contract(acme, vendor=Silent), check)[0]


def test_golden_webhooks_can_be_written_down(contract, findings):
    body = b'{"sent": [{"type": "deal.won", "deal": "d-9", "person": "p-1", "at": 1772440000000}]}'
    headers = {"X-Acme-Time": "1772442000000", "X-Acme-Signature": sign(SECRET, "1772442000000", body)}
    golden = GoldenWebhook(VendorWebhook("POST", headers, body), START)
    written = contract(acme, vendor=Silent, golden=(golden,))
    assert [finding for check in CHECKS for finding in findings(written, check)] == []
    old = contract(acme, vendor=Silent, golden=(GoldenWebhook(golden.webhook, START + timedelta(days=1)),))
    assert findings(old, "test_golden_webhooks_are_believed_and_read")


def test_a_vendor_that_signs_no_time_cannot_be_stale(contract, changed, findings):
    timeless = contract(changed(nps_verify_webhook=believing_old_ones), stale_after=None)
    assert findings(timeless, "test_stale_webhooks_are_refused") == []


CONTENT = {"a": [{"b": "text", "c": 1}], "d": "more"}


def test_every_place_of_json_content():
    assert list(json_paths(CONTENT)) == [("a",), ("a", 0), ("a", 0, "b"), ("a", 0, "c"), ("d",)]
    assert list(json_paths("alone")) == []


def test_changes_leave_the_original_alone():
    before = json.dumps(CONTENT)
    assert json.loads(with_value(CONTENT, ("a", 0, "b"), None)) == {"a": [{"b": None, "c": 1}], "d": "more"}
    assert json.loads(without_path(CONTENT, ("a", 0))) == {"a": [], "d": "more"}
    news = json.loads(with_unknown_fields(CONTENT))
    assert news["addedLater"] == news["a"][0]["addedLater"] == {"by": ["the vendor"]}
    assert [json.loads(body) for body in with_unknown_names(CONTENT)] == [
        {"a": [{"b": "something.unheard_of", "c": 1}], "d": "more"},
        {"a": [{"b": "text", "c": 1}], "d": "something.unheard_of"},
    ]
    assert json.dumps(CONTENT) == before
