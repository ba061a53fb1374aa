"""Webhook intake: verified and stored before it is answered, never read beyond its limit."""

import threading

import pytest

GOOD = {"x-signature": "good"}


def test_a_webhook_is_passed_on_exactly_as_it_came(client, backend):
    answer = client.post(
        "/hooks/crm?a=%20b&c=%2F",
        content=b'{"x": "\xc3\xa9"}',
        headers=[("X-Signature", "good"), ("X-Two", "1"), ("X-Two", "2")],
    )
    assert answer.status_code == 200
    connection, request = backend.webhooks[0]
    assert connection == "crm"
    assert request.method == "POST"
    assert request.url == "http://testserver/hooks/crm?a=%20b&c=%2F"
    assert request.body == b'{"x": "\xc3\xa9"}'
    assert request.headers["x-signature"] == "good"
    assert request.headers["x-two"] == "1, 2"
    assert request.received_at.isoformat() == "2026-03-03T12:00:00+00:00"


def test_the_address_is_the_public_one_whatever_the_host_header_says(client, backend):
    backend.public_url = "https://nps.example.com/base"
    client.post("/hooks/crm", content=b"{}", headers={**GOOD, "host": "internal:8040"})
    assert backend.webhooks[0][1].url == "https://nps.example.com/base/hooks/crm"


@pytest.mark.parametrize(
    ("url", "content", "headers", "status", "error"),
    [
        ("/hooks/crm", b"{}", {}, 401, "signature"),
        ("/hooks/crm", b"hello", GOOD, 400, "unreadable"),
        ("/hooks/other", b"{}", GOOD, 404, "unknown_connection"),
        ("/hooks/crm", b"{" * (1024 * 1024 + 1), GOOD, 413, "too_large"),
        ("/hooks/crm/x", b"{}", GOOD, 404, "unknown"),
    ],
)
def test_a_webhook_that_is_not_believed_is_refused(client, backend, url, content, headers, status, error):
    answer = client.post(url, content=content, headers=headers)
    assert answer.status_code == status
    assert answer.json() == {"error": error}
    assert backend.webhooks == []


def test_a_webhook_of_exactly_the_limit_is_taken(client, backend):
    assert client.post("/hooks/crm", content=b"{" * (1024 * 1024), headers=GOOD).status_code == 200


def test_an_announced_length_beyond_the_limit_is_refused_before_anything_is_read(client, backend):
    async def never():
        raise AssertionError("read before the length was looked at")
        yield b""

    answer = client.post("/hooks/crm", content=never(), headers={**GOOD, "content-length": str(10**12)})
    assert answer.status_code == 413


def test_what_arrives_is_counted_whatever_was_announced(client, backend):
    taken = []

    async def endless():
        while True:
            taken.append(1)
            yield b"{" * 65536

    answer = client.post("/hooks/crm", content=endless(), headers={**GOOD, "content-length": "2"})
    assert answer.status_code == 413
    assert len(taken) < 20
    assert backend.webhooks == []


def test_an_unreachable_house_asks_for_a_resend(client, backend):
    backend.broken = True
    answer = client.post("/hooks/crm", content=b"{}", headers=GOOD)
    assert answer.status_code == 503
    assert 0 < int(answer.headers["retry-after"]) < 60  # some vendors come again only within a minute


def test_a_ledger_that_hangs_asks_for_a_resend_before_the_vendor_hangs_up(client, backend, monkeypatch):
    monkeypatch.setattr("nps_connect.web.webhooks.STORE_TIMEOUT_SECONDS", 0.05)
    free = threading.Event()
    backend.hanging = free
    answer = client.post("/hooks/crm", content=b"{}", headers=GOOD)
    free.set()
    assert answer.status_code == 503
    assert 0 < int(answer.headers["retry-after"]) < 60
