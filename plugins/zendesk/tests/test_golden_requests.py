"""Golden requests: the exact requests of each action. A change here is a change at the vendor."""

from __future__ import annotations

import json

import pytest

from nps_connect_zendesk import nps_open_tickets, nps_update_tickets, nps_write_scores


@pytest.fixture
def sent_requests(transport):
    """Return a function that returns every request so far: method, path, query, body."""

    def load_requests():
        return [
            (request.method, request.path, dict(request.query), json.loads(request.body) if request.body else None)
            for request in transport.requests
        ]

    return load_requests


def test_open_ticket_for_a_known_person(helpdesk, draft, sent_requests, transport):
    nps_open_tickets(helpdesk(), [draft()])
    assert sent_requests() == [
        ("GET", "/api/v2/users/search", {"query": "ada@example.com"}, None),
        (
            "POST",
            "/api/v2/tickets",
            {},
            {
                "ticket": {
                    "subject": "NPS 2 from Ada Example",
                    "comment": {"body": "Score: 2 (detractor)\nLate, and nobody answered.", "public": False},
                    "priority": "urgent",
                    "tags": ["nps_connect", "nps", "nps-detractor"],
                    "external_id": "nps-resp1",
                    "requester_id": 1001,
                }
            },
        ),
    ]
    headers = transport.requests[-1].headers
    assert headers["content-type"] == "application/json"
    assert headers["idempotency-key"] == "nps-d40a09db4f9fb835a87fdbbc65067085aef67653051ff1056dc292dbd8d1efb6"


def test_open_ticket_for_a_new_person(helpdesk, draft, person, sent_requests):
    nps_open_tickets(helpdesk(), [draft(contact=person(name="Bob Example", email="bob@example.com"))])
    assert [request[:2] for request in sent_requests()] == [
        ("GET", "/api/v2/users/search"),
        ("POST", "/api/v2/users/create_or_update"),
        ("POST", "/api/v2/tickets"),
    ]
    assert sent_requests()[1][3] == {
        "user": {"email": "bob@example.com", "name": "Bob Example", "skip_verify_email": True},
    }


def test_update_ticket(helpdesk, draft, change, sent_requests, transport):
    connection = helpdesk()
    (opened,) = nps_open_tickets(connection, [draft(priority="normal")])
    transport.requests.clear()
    nps_update_tickets(connection, [change(opened.id)])
    assert sent_requests() == [
        ("GET", f"/api/v2/tickets/{opened.id}", {}, None),
        ("PUT", f"/api/v2/tickets/{opened.id}/tags", {}, {"tags": ["nps-late-comment"]}),
        (
            "PUT",
            f"/api/v2/tickets/{opened.id}",
            {},
            {
                "ticket": {
                    "comment": {
                        "body": "The customer wrote again: still waiting.\n\nnps_connect:e4932ca8186b96bb",
                        "public": False,
                    },
                    "priority": "high",
                }
            },
        ),
    ]


def test_follow_up_on_a_closed_ticket(vendor, helpdesk, draft, change, sent_requests, transport):
    connection = helpdesk()
    (opened,) = nps_open_tickets(connection, [draft()])
    vendor.simulate_event("ticket.solved", "ada@example.com")
    vendor.simulate_event("ticket.closed", "ada@example.com")
    transport.requests.clear()
    nps_update_tickets(connection, [change(opened.id)])
    assert [request[:2] for request in sent_requests()] == [
        ("GET", f"/api/v2/tickets/{opened.id}"),
        ("POST", "/api/v2/tickets"),
    ]
    ticket = sent_requests()[1][3]["ticket"]
    assert ticket["via_followup_source_id"] == int(opened.id)
    assert ticket["external_id"].startswith("nps-followup-")
    assert ticket["comment"]["public"] is False


def test_write_score(helpdesk, score, sent_requests):
    nps_write_scores(helpdesk(), [score()])
    assert sent_requests() == [
        ("GET", "/api/v2/users/show_many", {"ids": "1001"}, None),
        (
            "PUT",
            "/api/v2/users/1001",
            {},
            {
                "user": {
                    "user_fields": {
                        "nps_score": 9,
                        "nps_category": "promoter",
                        "nps_responded_at": "2026-03-02T09:00:00.000Z",
                        "nps_answer": "2026-03-02T09:00:00.000Z resp1 1",
                    }
                }
            },
        ),
    ]
