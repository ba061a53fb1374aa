"""The simulated HubSpot answers as public pages say: independently written requests with their expected answers.

``vendor_cases/cases.json`` names the page of each case and whether that page settles it (``verified``);
``vendor_cases/left_out.json`` names the cases that are not played, with the reason.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.vendor_cases import VendorCasePlayer, load_cases

import nps_connect_hubspot as plugin
from nps_connect import WebhookRejected, WebhookRequest
from nps_connect.testing import connect
from nps_connect_hubspot.simulated import Simulated
from nps_connect_hubspot.simulated.portal import CONTACT, NOTE
from nps_connect_hubspot.simulated.vendor import DEVELOPER_KEY, TOKEN
from nps_connect_hubspot.webhooks import signature_v1, signature_v2, signature_v3

FOLDER = Path(__file__).parent / "vendor_cases"
CASES = load_cases(FOLDER)
PLAYED = [
    (version, case)
    for case in CASES
    for version in ("2026-03", "2026-09")
    if "kind" not in case and version in case["versions"]
]
VECTORS = [case for case in CASES if case.get("kind") == "vector"]
VALUES = {
    "token": TOKEN,
    "token_bad": "wrong",
    "token_read_only": TOKEN,
    "developer_key": DEVELOPER_KEY,
    "app_id": 31337,
    "subscription_id": 77,
}


def add_contacts(count):
    def add(vendor, values):
        for number in range(count):
            vendor.portal.create(CONTACT, {"email": f"{number}@example.com"}, vendor.clock())

    return add


def add_many_notes(vendor, values):
    contact = vendor.portal.find(CONTACT, values["c_id"])
    for _ in range(501):
        vendor.portal.link(vendor.portal.create(NOTE, {}, vendor.clock()), contact, 202)


def withdraw_write_scopes(vendor, values):
    vendor.portal.scopes = {scope for scope in vendor.portal.scopes if not scope.endswith("write")}


def use_up(name):
    def use(vendor, values):
        setattr(vendor.quotas, name, 0)

    return use


@pytest.fixture(scope="module")
def player():
    controls = {
        "account_with_two_contacts": add_contacts(2),
        "account_with_10001_contacts": add_contacts(10_001),
        "contact_with_many_notes": add_many_notes,
        "read_only": withdraw_write_scopes,
        "rate_limited:TEN_SECONDLY_ROLLING": use_up("burst"),
        "rate_limited:SEARCH": use_up("searches"),
        "rate_limited:DAILY": use_up("daily"),
    }
    player = VendorCasePlayer(Simulated, VALUES, controls)
    yield player
    player.close()


def prefixes(version):
    return {
        "objects": f"/crm/objects/{version}",
        "properties": f"/crm/properties/{version}",
        "commpref": f"/communication-preferences/{version}",
        "assoc_batch": f"/crm/associations/{version}",
        "assoc_objects": f"/crm/objects/{version}",
    }


@pytest.mark.parametrize(("version", "case"), PLAYED, ids=[f"{case['id']}-{version}" for version, case in PLAYED])
def test_the_simulation_answers_as_expected(player, version, case):
    if "{token_read_only}" in json.dumps(case):
        case = {**case, "needs": ["control:read_only"]}
    assert player.play(case, **prefixes(version)) == []


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["id"])
def test_signatures_are_those_of_the_page(case):
    vector, expected = case["request"]["vector"], case["expect"]
    signature = expected.get("signature") or vector["signature"]
    is_accepted = make_signature(vector) == signature and (vector["version"] != "v3" or accepts(vector, signature))
    assert is_accepted == expected["valid"] or expected["valid"] == ["either"]


def make_signature(vector):
    body = vector["body"].encode()
    if vector["version"] == "v3":
        return signature_v3(vector["secret"], vector["method"], vector["uri"], body, vector["timestamp"])
    if vector["version"] == "v2":
        return signature_v2(vector["secret"], vector["method"], vector["uri"], body)
    return signature_v1(vector["secret"], body)


def accepts(vector, signature):
    connection = connect(plugin, {"access_token": TOKEN, "webhook_secrets": [vector["secret"]]}, Simulated())
    request = WebhookRequest(
        method=vector["method"],
        url=vector["uri"],
        headers={"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": vector["timestamp"]},
        body=vector["body"].encode(),
        received_at=datetime.fromtimestamp(vector["now_ms"] / 1000, UTC),
    )
    try:
        plugin.nps_verify_webhook(connection, request)
    except WebhookRejected:
        return False
    return True
