"""The webhook checks find every way of accepting or parsing webhooks wrongly."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from testing import acme
from testing.acme.simulated import SECRET, SimulatedAcme, sign

from nps_connect import VendorWebhook, WebhookRejected
from nps_connect.testing import START, GoldenWebhook
from nps_connect.testing.mutations import json_paths, with_unknown_fields, with_unknown_names, with_value, without_path

CHECKS = (
    "test_genuine_webhooks_are_accepted_and_parsed",
    "test_resent_webhooks_have_the_same_event_keys",
    "test_tampered_webhooks_are_rejected",
    "test_stale_webhooks_are_rejected",
    "test_unknown_event_kinds_are_ignored",
    "test_unknown_fields_are_ignored",
    "test_malformed_bodies_are_parsed_or_rejected",
)


@pytest.mark.parametrize("check", CHECKS)
def test_the_correct_plugin_passes(contract, findings, check):
    assert findings(contract(acme), check) == []


def verify_rejecting_everything(connection, request):
    raise WebhookRejected("signature")


def verify_accepting_everything(connection, request):
    return None


def verify_returning_false(connection, request):
    return False


def verify_calling_the_vendor(connection, request):
    connection.http.call("GET", "/me", action="verify", idempotent=True)
    return acme.nps_verify_webhook(connection, request)


def verify_accepting_stale(connection, request):
    moment = int(request.headers.get("x-acme-time", "0"))
    at = datetime.fromtimestamp(moment / 1000, UTC)
    return acme.nps_verify_webhook(connection, request.model_copy(update={"received_at": at}))


def verify_with_a_fixed_secret(connection, request):
    if request.headers.get("x-acme-signature") != sign(SECRET, request.headers.get("x-acme-time", ""), request.body):
        raise WebhookRejected("signature")


def verify_crashing_on_non_ascii(connection, request):
    request.headers.get("x-acme-signature", "").encode("ascii")
    return acme.nps_verify_webhook(connection, request)


def verify_leaking_the_secret(connection, request):
    try:
        return acme.nps_verify_webhook(connection, request)
    except WebhookRejected as rejection:
        secret = connection.settings.webhook_secret.get_secret_value()
        raise WebhookRejected(rejection.reason, f"not signed with {secret}") from None


@pytest.mark.parametrize(
    ("verify", "check"),
    [
        (verify_rejecting_everything, CHECKS[0]),
        (verify_returning_false, CHECKS[0]),
        (verify_calling_the_vendor, CHECKS[0]),
        (verify_accepting_everything, CHECKS[2]),
        (verify_with_a_fixed_secret, CHECKS[2]),
        (verify_crashing_on_non_ascii, CHECKS[2]),
        (verify_leaking_the_secret, CHECKS[2]),
        (verify_accepting_everything, CHECKS[3]),
        (verify_accepting_stale, CHECKS[3]),
    ],
)
def test_wrong_verification_fails(contract, make_broken_plugin, findings, verify, check):
    assert findings(contract(make_broken_plugin(nps_verify_webhook=verify)), check)


def parse_nothing(connection, request):
    return []


def parse_as_undeclared_kind(connection, request):
    events = acme.nps_parse_events(connection, request)
    return [event.model_copy(update={"kind": "deal.lost"}) for event in events]


def parse_with_one_key(connection, request):
    events = acme.nps_parse_events(connection, request)
    return [event.model_copy(update={"key": "the-key"}) for event in [*events, *events]]


def parse_with_random_keys(connection, request):
    events = acme.nps_parse_events(connection, request)
    return [event.model_copy(update={"key": str(connection.random.random())}) for event in events]


def parse_with_signature_keys(connection, request):
    events = acme.nps_parse_events(connection, request)
    return [event.model_copy(update={"key": request.headers["x-acme-signature"]}) for event in events]


def parse_with_completion(connection, request):
    return acme.nps_complete_events(connection, acme.nps_parse_events(connection, request), [])


def parse_unknown_kinds_as_deal_won(connection, request):
    body = json.loads(request.body)
    for fact in body["sent"]:
        fact["type"] = "deal.won"
    return acme.nps_parse_events(connection, request.model_copy(update={"body": json.dumps(body).encode()}))


def parse_rejecting_unknown_fields(connection, request):
    if any(set(fact) != {"type", "deal", "person", "at"} for fact in json.loads(request.body)["sent"]):
        raise WebhookRejected("unreadable")
    return acme.nps_parse_events(connection, request)


def parse_crashing_on_odd_shapes(connection, request):
    json.loads(request.body)["sent"][0]["type"].upper()
    return acme.nps_parse_events(connection, request)


@pytest.mark.parametrize(
    ("parse", "check"),
    [
        (parse_nothing, CHECKS[0]),
        (parse_as_undeclared_kind, CHECKS[0]),
        (parse_with_one_key, CHECKS[0]),
        (parse_with_random_keys, CHECKS[0]),
        (parse_with_completion, CHECKS[0]),
        (parse_with_signature_keys, CHECKS[1]),
        (parse_unknown_kinds_as_deal_won, CHECKS[4]),
        (parse_rejecting_unknown_fields, CHECKS[5]),
        (parse_crashing_on_odd_shapes, CHECKS[6]),
    ],
)
def test_wrong_parsing_fails(contract, make_broken_plugin, findings, parse, check):
    class ResigningVendor(SimulatedAcme):
        def webhooks(self, facts, url):
            self.clock.forward(timedelta(seconds=1))
            return super().webhooks(facts, url)

    assert findings(contract(make_broken_plugin(nps_parse_events=parse), vendor=ResigningVendor), check)


class VendorWithoutWebhooks(SimulatedAcme):
    def webhooks(self, facts, url):
        return []


def test_a_contract_without_any_golden_webhook_fails(contract, findings):
    for check in set(CHECKS) - {"test_resent_webhooks_have_the_same_event_keys"}:
        assert "give golden webhooks" in findings(contract(acme, vendor=VendorWithoutWebhooks), check)[0]


def test_golden_webhooks_can_be_recorded(contract, findings):
    body = b'{"sent": [{"type": "deal.won", "deal": "d-9", "person": "p-1", "at": 1772440000000}]}'
    headers = {"X-Acme-Time": "1772442000000", "X-Acme-Signature": sign(SECRET, "1772442000000", body)}
    golden = GoldenWebhook(VendorWebhook("POST", headers, body), START)
    recorded = contract(acme, vendor=VendorWithoutWebhooks, golden=(golden,))
    assert [finding for check in CHECKS for finding in findings(recorded, check)] == []
    old = contract(
        acme, vendor=VendorWithoutWebhooks, golden=(GoldenWebhook(golden.webhook, START + timedelta(days=1)),)
    )
    assert findings(old, "test_genuine_webhooks_are_accepted_and_parsed")


def test_a_vendor_that_signs_no_time_has_no_stale_webhooks(contract, make_broken_plugin, findings):
    timeless = contract(make_broken_plugin(nps_verify_webhook=verify_accepting_stale), stale_after=None)
    assert findings(timeless, "test_stale_webhooks_are_rejected") == []


CONTENT = {"a": [{"b": "text", "c": 1}], "d": "more"}


def test_json_paths_are_all_places_of_the_content():
    assert list(json_paths(CONTENT)) == [("a",), ("a", 0), ("a", 0, "b"), ("a", 0, "c"), ("d",)]
    assert list(json_paths("alone")) == []


def test_mutations_leave_the_original_unchanged():
    before = json.dumps(CONTENT)
    assert json.loads(with_value(CONTENT, ("a", 0, "b"), None)) == {"a": [{"b": None, "c": 1}], "d": "more"}
    assert json.loads(without_path(CONTENT, ("a", 0))) == {"a": [], "d": "more"}
    extended = json.loads(with_unknown_fields(CONTENT))
    assert extended["addedLater"] == extended["a"][0]["addedLater"] == {"by": ["the vendor"]}
    assert [json.loads(body) for body in with_unknown_names(CONTENT)] == [
        {"a": [{"b": "something.unheard_of", "c": 1}], "d": "more"},
        {"a": [{"b": "text", "c": 1}], "d": "something.unheard_of"},
    ]
    assert json.dumps(CONTENT) == before
