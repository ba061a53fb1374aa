"""Cases by the API: assigned, noted, solved and reopened, and read with their history."""

import pytest

CALL = {"survey": "after-purchase", "connection": "shop", "collected_by": "phone", "score": 2}
MARIE = {"id": "c-1", "email": "marie@example.com", "name": "Marie"}


@pytest.fixture
def response(api, application):
    """The id of a detractor's response, whose case is named by it."""
    response_id = api.post("/responses", {**CALL, "contact": MARIE}).body["id"]
    application.clock.forward("1m")
    application.run()  # opens the ticket
    return response_id


def test_a_case_is_worked_on_and_read(api, response):
    steps = [
        ("assignments", {"assigned_to": "anna@example.com"}),
        ("notes", {"text": "Colis perdu"}),
        ("notes", {"called": "call_again", "next_call_at": "2030-03-04T09:00:00Z"}),
        ("solutions", {"done": ["apology"], "text": "Renvoyé"}),
        ("reopenings", {}),
    ]
    for path, body in steps:
        assert api.post(f"/cases/{path}", {"response": response, **body}).status == 200, path
    read = api.get(f"/cases/{response}").body
    assert read["case"]["assigned_to"] == "anna@example.com"
    assert [entry["kind"] for entry in read["history"]] == ["assigned", "note", "called", "solved", "reopened"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("reopenings", {}, 409),
        ("notes", {}, 422),
        ("notes", {"text": "x", "next_call_at": "2030-03-04T09:00:00Z"}, 422),
        ("notes", {"called": "call_again"}, 409),
        ("assignments", {"assigned_to": "nobody at all"}, 422),
        ("solutions", {"done": ["party"]}, 422),
        ("solutions", {"response": "unknown"}, 404),
    ],
)
def test_what_cannot_be_done_is_refused(api, response, path, body, status):
    assert api.post(f"/cases/{path}", {"response": response, **body}).status == status


def test_a_repeated_request_has_no_second_effect(api, response):
    body = {"response": response, "text": "Une fois"}
    first = api.post("/cases/notes", body, idempotency_key="note-1")
    assert api.post("/cases/notes", body, idempotency_key="note-1").body == first.body
    assert len(api.get(f"/cases/{response}").body["history"]) == 1


def test_scopes(api, response):
    api.post("/cases/notes", {"response": response, "text": "Marie, +33 6 12 34 56 78"})
    api.key = api.add_key("cases:read", name="reader")
    assert api.post("/cases/solutions", {"response": response}).status == 403
    read = api.get(f"/cases/{response}").body
    assert (read["case"]["assigned_to"], read["history"][0]["text"]) == (None, None)
