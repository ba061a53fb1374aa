from __future__ import annotations

import smtplib
from email.message import EmailMessage

import httpx
import pytest


@pytest.fixture
def client(sandbox):
    with httpx.Client(base_url=sandbox.url) as client:
        yield client


def order(client, path, content):
    answer = client.post(path, json=content)
    return answer.status_code, answer.json()


ANA = {"email": "ana@example.com", "name": "Ana", "language": "fr"}


def test_the_state_shows_vendors_and_mails(client, sandbox, acme):
    acme.notes.append("hello")
    mail = EmailMessage()
    mail["Subject"] = "Une question"
    mail.set_content("Voir https://nps.example.com/s/abc")
    with smtplib.SMTP("127.0.0.1", sandbox.mailbox.port) as line:
        line.send_message(mail, "care@example.com", ["ana@example.com"])
    state = client.get("/_state").json()
    assert state["vendors"] == {"acme": {"notes": ["hello"], "people": {}}}
    (kept,) = state["mailbox"]
    assert (kept["subject"], kept["to"]) == ("Une question", ["ana@example.com"])
    assert kept["links"] == ["https://nps.example.com/s/abc"]
    assert ["Subject", "Une question"] in kept["headers"]
    assert state["faults"] == {}


def test_the_index_is_a_page_with_links_that_escapes_what_it_shows(client, sandbox):
    sandbox.mailbox.accept(
        "care@example.com",
        ("ana@example.com",),
        b"Subject: <script>alert(1)</script>\r\n\r\nhttps://nps.example.com/s/abc?a=1&b=2",
        authenticated=False,
    )
    page = client.get("/").text
    assert '<a href="/_state">' in page
    assert 'href="https://nps.example.com/s/abc?a=1&amp;b=2"' in page
    assert "<script>" not in page
    assert sandbox.base_url("acme") in page


def test_a_person_can_be_made_known_and_opt_out(client, acme):
    assert order(client, "/_populate", [ANA, ANA | {"email": "bob@example.com", "opted_out": True}]) == (
        200,
        {"people": 2},
    )
    assert acme.state()["people"] == {"ana@example.com": False, "bob@example.com": True}
    assert order(client, "/_opt_out", {"email": "ana@example.com"}) == (200, {"opted_out": "ana@example.com"})
    assert list(acme.people) == ["bob@example.com"]


def test_what_happens_is_sent_as_the_vendors_webhook(client, sandbox, acme):
    order(client, "/_populate", [ANA])
    hook = sandbox.base_url("acme") + "/notes"
    event = {"vendor": "acme", "kind": "deal.won", "email": "ana@example.com", "deliver_to": hook}
    assert order(client, "/_simulate_event", event) == (200, {"facts": ["deal.won/ana@example.com"], "webhooks": [201]})
    assert acme.notes == ["deal.won/ana@example.com"]


def test_without_an_address_nothing_is_sent(client, acme):
    order(client, "/_populate", [ANA])
    event = {"vendor": "acme", "kind": "deal.won", "email": "ana@example.com", "deliver_to": None}
    assert order(client, "/_simulate_event", event) == (200, {"facts": ["deal.won/ana@example.com"], "webhooks": []})
    assert acme.notes == []


@pytest.mark.parametrize(
    ("path", "content", "complaint"),
    [
        ("/_populate", ANA, "a list of people"),
        ("/_populate", ["ana"], "an object with email"),
        ("/_populate", [{"email": "ana@example.com"}], "name is missing"),
        ("/_simulate_event", {"vendor": "nobody"}, "no such vendor; allowed: acme"),
        ("/_simulate_event", {"vendor": "acme", "kind": "deal.won"}, "email is missing"),
        (
            "/_simulate_event",
            {"vendor": "acme", "kind": "a.b", "email": "x", "deliver_to": "file:///x"},
            "deliver_to is the address",
        ),
        ("/_opt_out", [], "an object with email"),
    ],
)
def test_an_order_that_cannot_be_followed_says_what_it_wants(client, path, content, complaint):
    status, answer = order(client, path, content)
    assert status == 400
    assert complaint in answer["message"]


def test_a_webhook_that_nobody_takes_is_told(client):
    order(client, "/_populate", [ANA])
    event = {"vendor": "acme", "kind": "deal.won", "email": "ana@example.com", "deliver_to": "http://127.0.0.1:9/"}
    status, answer = order(client, "/_simulate_event", event)
    assert status == 400
    assert "nobody took the webhook" in answer["message"]


def test_a_body_that_is_not_json_is_refused(client):
    assert client.post("/_opt_out", content=b"{").status_code == 400


def test_other_paths_and_methods_are_refused(client):
    assert client.get("/unknown/x").status_code == 404
    assert client.get("/_simulate_event").status_code == 405
    assert client.post("/_state", json={}).status_code == 405
