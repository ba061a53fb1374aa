"""The simulated portal validates, counts, stores and signs like HubSpot."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hubspot.utils.signature import Signature

from nps_connect import SimulatedPerson, VendorRequest
from nps_connect_hubspot.simulated.vendor import SECRET, TOKEN

CONTACTS = "/crm/objects/2026-09/contacts"


@pytest.fixture
def call(vendor):
    def handle(method, path, body=None, token=TOKEN, **query):
        content = json.dumps(body).encode() if body is not None else b""
        reply = vendor.handle(VendorRequest(method, path, query, {"Authorization": f"Bearer {token}"}, content))
        return reply.status, json.loads(reply.body) if reply.body else None, reply.headers

    return handle


def upsert(email, **properties):
    return {"inputs": [{"idProperty": "email", "id": email, "properties": properties}]}


def test_a_wrong_token_is_rejected(call):
    status, body, headers = call("GET", "/account-info/2026-09/details", token="other")
    assert (status, body["category"]) == (401, "INVALID_AUTHENTICATION")
    assert body["correlationId"] == headers["x-hubspot-correlation-id"]


@pytest.mark.parametrize(
    "path", ["/crm/v3/objects/contacts", "/crm/objects/2025-09/contacts", "/", "/webhooks/2026-09/1/settings"]
)
def test_other_versions_and_paths_do_not_exist(call, path):
    assert call("GET", path)[0] == 404


def test_upsert_reports_new_records(call):
    first = call("POST", f"{CONTACTS}/batch/upsert", upsert("a@example.com", firstname="A"))[1]["results"][0]
    second = call("POST", f"{CONTACTS}/batch/upsert", upsert("a@example.com", firstname="B"))[1]["results"][0]
    assert (first["new"], second["new"], first["id"] == second["id"]) == (True, False, True)
    status, body, _ = call("GET", f"{CONTACTS}/a@example.com", idProperty="email", properties="firstname")
    assert (status, body["properties"]["firstname"]) == (200, "B")


@pytest.mark.parametrize(("version", "status"), [("2026-03", 207), ("2026-09", 200)])
def test_partial_failures_have_another_status_in_each_version(call, create_contacts, version, status):
    [person] = create_contacts(1)
    inputs = [{"id": person.id, "properties": {"firstname": "X"}}, {"id": "999", "properties": {}}]
    actual, body, _ = call("POST", f"/crm/objects/{version}/contacts/batch/update", {"inputs": inputs})
    assert (actual, body["numErrors"], body["errors"][0]["context"]) == (status, 1, {"ids": ["999"]})


@pytest.mark.parametrize(
    "body",
    [
        {"inputs": []},
        {"inputs": [{"id": str(number), "properties": {}} for number in range(101)]},
        {"inputs": [{"id": 101, "properties": {}}]},
        {"inputs": [{"id": "101"}]},
        {"inputs": ["101"]},
        {},
        {"inputs": [{"id": "101", "properties": {"lastname": 5}}]},
        {"inputs": [{"id": "101", "properties": {"hs_additional_emails": "x"}}]},
        {"inputs": [{"id": "101", "properties": {}}, {"id": "101", "properties": {}}]},
    ],
)
def test_invalid_batches_are_rejected(call, create_contacts, body):
    create_contacts(1)
    assert call("POST", f"{CONTACTS}/batch/update", body)[0] == 400


def test_responses_have_quota_headers_and_search_responses_have_none(call):
    headers = call("GET", "/account-info/2026-09/details")[2]
    assert (headers["X-HubSpot-RateLimit-Max"], headers["X-HubSpot-RateLimit-Remaining"]) == ("190", "189")
    query = {"filterGroups": [], "sorts": [], "properties": [], "limit": 10, "after": "0"}
    assert not [name for name in call("POST", f"{CONTACTS}/search", query)[2] if "RateLimit" in name]


def test_the_burst_quota_is_a_rolling_window(call, clock):
    for _ in range(190):
        assert call("GET", "/account-info/2026-09/details")[0] == 200
    status, body, _ = call("GET", "/account-info/2026-09/details")
    assert (status, body["errorType"], body["policyName"]) == (429, "RATE_LIMIT", "TEN_SECONDLY_ROLLING")
    clock.forward(timedelta(seconds=10))
    assert call("GET", "/account-info/2026-09/details")[0] == 200


def test_people_are_added_once(vendor):
    person = SimulatedPerson("zoe@example.com", "Zoë", "fr", opted_out=True)
    vendor.populate([person, person])
    vendor.populate([person])
    [record] = vendor.portal.records["contacts"].values()
    assert record.properties["hs_email_optout"] == "true"


def test_webhooks_are_signed_like_hubspots_own_package(vendor, clock, create_contacts):
    create_contacts(1)
    url = "https://nps.example.com/hooks/crm"
    [webhook] = vendor.webhooks(vendor.simulate_event("deal.won", "person0@example.com"), url)
    expected = Signature.get_signature(
        SECRET,
        webhook.body.decode(),
        "v3",
        http_uri=url,
        http_method="POST",
        timestamp=webhook.headers["x-hubspot-request-timestamp"],
    )
    assert webhook.headers["x-hubspot-signature-v3"] == expected


def test_a_webhook_holds_a_hundred_events_and_counts_attempts(vendor, create_contacts):
    people = create_contacts(101)
    facts = [fact for person in people for fact in vendor.simulate_event("deal.won", person.properties["email"])]
    webhooks = vendor.webhooks(facts, "https://nps.example.com/hooks/crm")
    assert [len(json.loads(webhook.body)) for webhook in webhooks] == [100, 1]
    resent = vendor.webhooks(facts[:1], "https://nps.example.com/hooks/crm")
    first, second = json.loads(webhooks[0].body)[0], json.loads(resent[0].body)[0]
    assert second == first | {"attemptNumber": 1}


def test_simulated_deals_pass_the_example_filter(vendor, create_contacts):
    for person in create_contacts(30):
        vendor.simulate_event("deal.won", person.properties["email"])
    assert all(float(deal.properties["amount"]) >= 100 for deal in vendor.portal.records["deals"].values())


def test_unknown_people_and_kinds_have_no_events(vendor, create_contacts):
    create_contacts(1)
    assert vendor.simulate_event("deal.won", "nobody@example.com") == []
    assert vendor.simulate_event("moon.full", "person0@example.com") == []
    assert vendor.webhooks(["fact-999"], "https://nps.example.com/hooks/crm") == []


def test_the_environment_points_at_the_portal(vendor):
    assert vendor.environment("http://127.0.0.1:1/hubspot", "crm-eu") == {
        "HUBSPOT_TOKEN": TOKEN,
        "NPS_CONNECT_CONNECTIONS__CRM_EU__BASE_URL": "http://127.0.0.1:1/hubspot",
        "NPS_CONNECT_CONNECTIONS__CRM_EU__EVENTS": "webhook",
        "NPS_CONNECT_CONNECTIONS__CRM_EU__WEBHOOK_SECRETS": f'["{SECRET}"]',
        "NPS_CONNECT_CONNECTIONS__CRM_EU__PORTAL_ID": "4242424",
        "NPS_CONNECT_CONNECTIONS__CRM_EU__PORTAL_TIMEZONE": "Europe/Paris",
    }


def test_the_tables_show_contacts_with_their_scores_and_deals(vendor, create_contacts):
    [person] = create_contacts(1)
    person.set({"nps_score": "9", "nps_comment": "Bien"}, vendor.clock())
    vendor.simulate_event("deal.won", "person0@example.com")
    contacts, deals = vendor.tables()
    assert [contacts.columns[2], contacts.rows[0][2], contacts.rows[0][4]] == ["NPS score", "9", "Bien"]
    assert deals.rows == [["Order 1", "125", "closedwon"]]


def test_concurrent_requests_are_all_handled(call, vendor):
    vendor.quotas.burst = 1000
    with ThreadPoolExecutor(8) as pool:
        bodies = [upsert(f"p{number}@example.com", firstname="A") for number in range(200)]
        statuses = list(pool.map(lambda body: call("POST", f"{CONTACTS}/batch/upsert", body)[0], bodies))
    assert set(statuses) == {200}
    ids = list(vendor.portal.records["contacts"])
    assert len(ids) == len(set(ids)) == 200
    assert vendor.state()["requests"] == 200
