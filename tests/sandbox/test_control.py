from __future__ import annotations

import smtplib
from email.message import EmailMessage

import httpx
import pytest


@pytest.fixture
def client(sandbox):
    with httpx.Client(base_url=sandbox.url) as client:
        yield client


def post(client, path, content):
    response = client.post(path, json=content)
    return response.status_code, response.json()


ANA = {"email": "ana@example.com", "name": "Ana", "language": "fr"}


def test_the_state_contains_vendors_mails_and_faults(client, sandbox, acme):
    acme.notes.append("hello")
    message = EmailMessage()
    message["Subject"] = "Une question"
    message.set_content("Voir https://nps.example.com/s/abc")
    with smtplib.SMTP("127.0.0.1", sandbox.mailbox.port) as smtp:
        smtp.send_message(message, "care@example.com", ["ana@example.com"])
    state = client.get("/_state").json()
    assert state["vendors"] == {"acme": {"notes": ["hello"], "people": {}}}
    (mail,) = state["mailbox"]
    assert (mail["subject"], mail["to"]) == ("Une question", ["ana@example.com"])
    assert mail["links"] == ["https://nps.example.com/s/abc"]
    assert ["Subject", "Une question"] in mail["headers"]
    assert state["faults"] == {}


def test_people_can_be_added_and_opt_out(client, acme):
    assert post(client, "/_populate", [ANA, ANA | {"email": "bob@example.com", "opted_out": True}]) == (
        200,
        {"people": 2},
    )
    assert acme.state()["people"] == {"ana@example.com": False, "bob@example.com": True}
    assert post(client, "/_opt_out", {"email": "ana@example.com"}) == (200, {"opted_out": "ana@example.com"})
    assert list(acme.people) == ["bob@example.com"]


def test_a_simulated_event_is_sent_as_the_vendors_webhook(client, sandbox, acme):
    post(client, "/_populate", [ANA])
    address = sandbox.base_url("acme") + "/notes"
    event = {"vendor": "acme", "kind": "deal.won", "email": "ana@example.com", "deliver_to": address}
    assert post(client, "/_simulate_event", event) == (200, {"facts": ["deal.won/ana@example.com"], "webhooks": [201]})
    assert acme.notes == ["deal.won/ana@example.com"]


def test_without_deliver_to_no_webhook_is_sent(client, acme):
    post(client, "/_populate", [ANA])
    event = {"vendor": "acme", "kind": "deal.won", "email": "ana@example.com", "deliver_to": None}
    assert post(client, "/_simulate_event", event) == (200, {"facts": ["deal.won/ana@example.com"], "webhooks": []})
    assert acme.notes == []


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        ("/_populate", ANA, "a list of people"),
        ("/_populate", ["ana"], "an object with email"),
        ("/_populate", [{"email": "ana@example.com"}], "name is missing"),
        ("/_simulate_event", {"vendor": "nobody"}, "unknown vendor; allowed: acme"),
        ("/_simulate_event", {"vendor": "acme", "kind": "deal.won"}, "email is missing"),
        (
            "/_simulate_event",
            {"vendor": "acme", "kind": "a.b", "email": "x", "deliver_to": "file:///x"},
            "deliver_to must be the address",
        ),
        (
            "/_simulate_event",
            {"vendor": "acme", "kind": "deal.won", "email": "nobody@example.com"},
            "add the person first; kinds: deal.won, deal.lost",
        ),
        ("/_opt_out", [], "an object with email"),
    ],
)
def test_an_invalid_command_returns_400_with_the_reason(client, path, content, message):
    status, reply = post(client, path, content)
    assert status == 400
    assert message in reply["message"]


def test_an_undeliverable_webhook_returns_400(client):
    post(client, "/_populate", [ANA])
    event = {"vendor": "acme", "kind": "deal.won", "email": "ana@example.com", "deliver_to": "http://127.0.0.1:9/"}
    status, reply = post(client, "/_simulate_event", event)
    assert status == 400
    assert "the webhook could not be delivered" in reply["message"]


def test_a_body_that_is_not_json_is_rejected(client):
    assert client.post("/_opt_out", content=b"{").status_code == 400


def test_unknown_paths_and_methods_return_404_and_405(client):
    assert client.get("/unknown/x").status_code == 404
    assert client.get("/_simulate_event").status_code == 405
    assert client.post("/_state", json={}).status_code == 405
