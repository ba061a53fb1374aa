"""The simulated Zendesk answers as public pages say: independently written requests with their expected answers.

``vendor_cases/cases.json`` names the page of each case and whether that page settles it (``verified``);
``vendor_cases/left_out.json`` names the cases that are not played, with the reason.
"""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from support.vendor_cases import VendorCasePlayer, load_cases

from nps_connect_zendesk.simulated import Simulated
from nps_connect_zendesk.simulated.access_control import TOKEN, AccessToken
from nps_connect_zendesk.simulated.account import AGENT_EMAIL, AGENT_ID
from nps_connect_zendesk.webhooks import signature

FOLDER = Path(__file__).parent / "vendor_cases"
CASES = load_cases(FOLDER)
VALUES = {
    "token": TOKEN,
    "token_bad": "wrong",
    "token_read": "read-only",
    "token_agent": "agent",
    "basic_bad": base64.b64encode(f"{AGENT_EMAIL}/token:wrong".encode()).decode(),
    "agent_id": AGENT_ID,
    "receiver_url": "https://nps.example.com/hooks/helpdesk",
}


def make_vendor(clock):
    vendor = Simulated(clock)
    vendor.tokens.access["read-only"] = AccessToken(("read",))
    vendor.tokens.access["agent"] = AccessToken(("read", "write"), is_admin=False)
    return vendor


def add_invocation(status, code):
    def add(vendor, values):
        hooks = vendor.account.resources["webhooks"]
        hook = next(row for row in hooks if row["id"] == values["webhook_id"])
        vendor.event_log.record_invocation(hook, "01INVOCATION", status, code)

    return add


def use_up_quota(vendor, values):
    vendor.limits.per_minute = 0


@pytest.fixture(scope="module")
def player():
    controls = {
        "one_invocation_of": add_invocation("success", 200),
        "timeout_invocation_of": add_invocation("timeout", None),
        "rate_limited": use_up_quota,
    }
    player = VendorCasePlayer(make_vendor, VALUES, controls)
    yield player
    player.close()


@pytest.mark.parametrize("case", [case for case in CASES if "kind" not in case], ids=lambda case: case["id"])
def test_the_simulation_answers_as_expected(player, case):
    assert player.play(case) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": 201},
        {"headers": {"X-Rate-Limit": None}},
        {"headers": {"X-Nothing": "1"}},
        {"json_contains": {"user": {"role": "end-user"}}},
        {"json_contains": {"user": {"tags": ["x"]}}},
        {"json_not_contains": {"user": {"role": "admin"}}},
        {"json_absent": ["$.user.id"]},
        {"json_present": ["$.user.shoe_size"]},
        {"json_equals": {"$.user.role": "agent"}},
        {"json_length": {"$.user.tags": 1}},
        {"body_regex": "shoe"},
        {"body_absent": ["admin"]},
        {"body_empty": True},
        {"any_refusal": True},
    ],
)
def test_the_player_reports_another_answer(player, wrong):
    headers = {"Authorization": "Bearer {token}"}
    case = {"setup": [], "request": {"method": "GET", "path": "/api/v2/users/me", "headers": headers}}
    assert player.play({**case, "expect": {"status": 200}}) == []
    assert player.play({**case, "expect": wrong}) != []


@pytest.mark.parametrize("case", [case for case in CASES if case.get("kind") == "vector"], ids=lambda case: case["id"])
def test_signatures_are_those_of_the_page(case):
    vector = case["request"]["vector"]
    made = signature(vector["secret"], vector["timestamp"], vector["body"].encode())
    if case["expect"]["valid"]:
        assert made == case["expect"]["signature"]
    else:
        assert made != vector["signature"]
