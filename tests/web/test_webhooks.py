"""Webhooks and bounce reports: verified and stored before the response, with a size limit."""

import threading

import pytest

GOOD = {"x-signature": "good"}


def test_a_webhook_is_stored_exactly_as_received(client, backend):
    response = client.post(
        "/hooks/crm?a=%20b&c=%2F",
        content=b'{"x": "\xc3\xa9"}',
        headers=[("X-Signature", "good"), ("X-Two", "1"), ("X-Two", "2")],
    )
    assert response.status_code == 200
    connection, request = backend.webhooks[0]
    assert connection == "crm"
    assert request.method == "POST"
    assert request.url == "http://testserver/hooks/crm?a=%20b&c=%2F"
    assert request.body == b'{"x": "\xc3\xa9"}'
    assert request.headers["x-signature"] == "good"
    assert request.headers["x-two"] == "1, 2"
    assert request.received_at.isoformat() == "2026-03-03T12:00:00+00:00"


def test_the_webhook_url_ignores_the_host_header(client, backend):
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
def test_an_invalid_webhook_is_refused(client, backend, url, content, headers, status, error):
    response = client.post(url, content=content, headers=headers)
    assert response.status_code == status
    assert response.json() == {"error": error}
    assert backend.webhooks == []


def test_a_webhook_of_exactly_the_size_limit_is_accepted(client, backend):
    assert client.post("/hooks/crm", content=b"{" * (1024 * 1024), headers=GOOD).status_code == 200


def test_a_content_length_over_the_limit_is_refused_before_reading(client, backend):
    async def never():
        raise AssertionError("read before the length was looked at")
        yield b""

    response = client.post("/hooks/crm", content=never(), headers={**GOOD, "content-length": str(10**12)})
    assert response.status_code == 413


@pytest.mark.parametrize("path", ["/hooks/other", "/b/other"])
def test_the_connection_or_token_is_checked_before_the_body_is_read(client, path):
    async def never():
        raise AssertionError("the body was read")
        yield b""

    response = client.post(path, content=never(), headers=GOOD)
    assert (response.status_code, response.json()) == (404, {"error": "unknown_connection"})


def test_received_bytes_are_counted_whatever_the_content_length(client, backend):
    chunks = []

    async def endless():
        while True:
            chunks.append(1)
            yield b"{" * 65536

    response = client.post("/hooks/crm", content=endless(), headers={**GOOD, "content-length": "2"})
    assert response.status_code == 413
    assert len(chunks) < 20
    assert backend.webhooks == []


def test_an_unavailable_database_asks_for_a_resend(client, backend):
    backend.is_down = True
    response = client.post("/hooks/crm", content=b"{}", headers=GOOD)
    assert response.status_code == 503
    assert 0 < int(response.headers["retry-after"]) < 60  # some vendors come again only within a minute


def test_a_blocked_ledger_asks_for_a_resend_before_the_vendor_times_out(client, backend, monkeypatch):
    monkeypatch.setattr("nps_connect.web.machine_routes.STORE_TIMEOUT_SECONDS", 0.05)
    free = threading.Event()
    backend.gate = free
    response = client.post("/hooks/crm", content=b"{}", headers=GOOD)
    free.set()
    assert response.status_code == 503
    assert 0 < int(response.headers["retry-after"]) < 60


def test_bounce_reports_require_the_token(client, backend):
    assert client.post("/b/relay", content=b"From: x").json() == {"status": "accepted", "new": 1}
    assert client.post("/b/relay", content=b"nonsense").status_code == 400
    assert client.post("/b/other", content=b"From: x").status_code == 404
    assert client.post("/b/relay", content=b"From: x" + b"x" * 2_000_000).status_code == 413
    assert client.get("/b/relay").status_code == 405
    backend.is_down = True
    assert client.post("/b/relay", content=b"From: x").status_code == 503
    assert len(backend.bounces) == 1
