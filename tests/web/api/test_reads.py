"""What the API returns: pages, filters, and pseudonyms for keys without the scope `people`."""

from datetime import timedelta

import pytest

MARIE = {"id": "c-1", "email": "marie@example.com", "name": "Marie Martin", "language": "fr"}
PAUL = {"id": "c-2", "email": "paul@example.com", "name": "Paul"}
CALL = {"survey": "after-purchase", "connection": "shop", "collected_by": "kiosk"}


@pytest.fixture
def recorded(api, clock):
    """Five responses, an hour apart: the newest was given one hour ago."""
    for hours, (contact, score) in enumerate([(MARIE, 2), (PAUL, 9), (MARIE, 8), (PAUL, 10), (MARIE, 3)], 1):
        at = (clock() - timedelta(hours=hours)).isoformat()
        call = {**CALL, "contact": contact, "score": score, "answered_at": at}
        assert (
            api.post("/responses", {**call, "comment": f"Marie, +33 6 12 34 56 78 or {contact['email']}"}).status == 201
        )
    return api


def scores(answer):
    return [item["score"] for item in answer.body["items"]]


def test_pages_are_stable_while_responses_arrive(recorded, clock):
    first = recorded.get("/responses?limit=2")
    assert scores(first) == [2, 9]
    recorded.post("/responses", {**CALL, "contact": PAUL, "score": 7, "answered_at": clock().isoformat()})
    second = recorded.get(f"/responses?limit=2&cursor={first.body['next_cursor']}")
    third = recorded.get(f"/responses?limit=2&cursor={second.body['next_cursor']}")
    assert (scores(second), scores(third), third.body["next_cursor"]) == ([8, 10], [3], None)
    assert scores(recorded.get("/responses?limit=1")) == [7]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("segment=promoter", [9, 10]),
        ("segment=detractor", [2, 3]),
        ("connection=shop", [2, 9, 8, 10, 3]),
        ("connection=crm", []),
        ("contact=paul@example.com", [9, 10]),
        ("contact=shop:c-2", [9, 10]),
        ("since=2026-11-17T06:00:00Z&until=2026-11-17T07:30:00%2B00:00", [9, 8]),
    ],
)
def test_responses_are_filtered(recorded, query, expected):
    assert scores(recorded.get(f"/responses?{query}")) == expected


def test_a_key_without_the_scope_people_sees_pseudonyms_only(recorded, application):
    named = recorded.get("/responses?limit=1").body["items"][0]
    assert named["contact"] | {"pseudonym": ""} == {
        "pseudonym": "",
        "connection": "shop",
        "id": "c-1",
        "email": "marie@example.com",
        "name": "Marie Martin",
    }
    assert named["comment"] == "Marie, +33 6 12 34 56 78 or marie@example.com"
    recorded.key = recorded.add_key("responses:read", "cases:read", "suppressions:read", name="analyst")
    answer = recorded.get("/responses")
    first, _, third, *_ = answer.body["items"]
    assert first["comment"] == "[name], [number] or [address]"
    assert first["contact"] == {**third["contact"], "connection": "shop", "id": None, "email": None, "name": None}
    for text in ("c-1", "marie@", "Martin", "12 34"):
        assert text not in str(answer.body)
    refused = recorded.get("/responses?contact=marie@example.com")
    assert (refused.status, refused.body["detail"]) == (403, "to filter by contact, the key needs the scope people")
    assert recorded.get("/suppressions?contact=marie@example.com").status == 403


def test_the_nps_has_its_margin_and_count(recorded):
    answer = recorded.get("/nps?survey=after-purchase")
    assert answer.status == 200
    assert {name: answer.body[name] for name in ("score", "responses", "promoters", "passives", "detractors")} == {
        "score": 0.0,
        "responses": 5,
        "promoters": 2,
        "passives": 1,
        "detractors": 2,
    }
    assert (answer.body["low"], answer.body["high"]) == (-answer.body["margin"], answer.body["margin"])
    assert answer.body["too_small"] is True
    assert recorded.get("/nps?latest=true").body["responses"] == 2
    for path in ("/nps", "/responses"):
        refused = recorded.get(f"{path}?survey=after-purchases")
        message = "there is no such survey; did you mean 'after-purchase'?"
        assert (refused.status, refused.body["errors"]) == (422, [{"field": "survey", "message": message}])


def test_the_decisions_on_a_contact(api, application, clock):
    order = {"connection": "shop", "kind": "order.delivered", "object_id": "1", "occurred_at": clock().isoformat()}
    api.post("/events", {**order, "contact": {"id": "a/7", "email": "paul@example.com"}})
    application.run()
    answer = api.get("/contacts/a/7/decisions?connection=shop")
    [item] = answer.body["items"]
    assert (item["verdict"], item["reason"], item["event_kind"]) == (
        "yes",
        "surveyed",
        "order.delivered",
    )
    assert api.get("/contacts/8/decisions?connection=crm").status == 404
    assert api.get("/contacts/8/decisions?connection=crn").body["errors"] == [
        {"field": "connection", "message": "there is no such connection; did you mean 'crm'?"}
    ]
    assert api.get("/contacts/8/decisions").body["errors"][0]["field"] == "connection"


def test_suppressions_are_listed_with_whom_they_concern(recorded):
    recorded.post("/suppressions", {"contact": "marie@example.com", "reason": "called"})
    answer = recorded.get("/suppressions?reason=opted_out")
    assert {(item["of"], item["source"], item["contact"]["id"]) for item in answer.body["items"]} == {
        ("mailbox", "operator", "c-1"),
        ("person", "operator", "c-1"),
    }
    assert len(recorded.get("/suppressions?contact=paul@example.com").body["items"]) == 0
    page = recorded.get("/suppressions?limit=1")
    assert len(recorded.get(f"/suppressions?cursor={page.body['next_cursor']}").body["items"]) == 1


def test_cases_are_listed_with_their_state(recorded, application, clock):
    application.run()
    answer = recorded.get("/cases?state=open")
    [case] = answer.body["items"]
    assert (case["state"], case["score"], case["contact"]["name"]) == ("open", 2, "Marie Martin")
    assert case["ticket_link"].startswith("https://vendor.example.com/")
    assert recorded.get("/cases?state=solved").body["items"] == []
    recorded.key = recorded.add_key("cases:read", name="analyst")
    [case] = recorded.get("/cases").body["items"]
    assert (case["ticket_id"], case["ticket_link"], case["contact"]["name"]) == (None, None, None)
