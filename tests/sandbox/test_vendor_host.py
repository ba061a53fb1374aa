from __future__ import annotations

import logging
import socket
import threading
from urllib.parse import urlsplit

import httpx
import pytest

from nps_connect.sandbox.faults import FaultPlan, parse_faults
from nps_connect.sandbox.sandbox import Sandbox


def faulty_sandbox(acme, faults):
    return Sandbox({"acme": acme}, faults=FaultPlan(parse_faults(faults)), stall_seconds=5)


def send_raw(url, request):
    """Send raw bytes and return everything received until the server closes the connection."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_vendor_receives_paths_relative_to_its_base_url(sandbox):
    response = httpx.get(sandbox.base_url("acme") + "/echo/a%20b?x=1&y=", headers={"User-Agent": "tester"})
    assert response.json() == {"path": "/echo/a b", "query": {"x": "1", "y": ""}, "user_agent": "tester"}


def test_replies_keep_status_body_and_headers(sandbox, acme):
    response = httpx.post(sandbox.base_url("acme") + "/notes", content="déjà")
    assert (response.status_code, response.json(), response.headers["x-request-id"]) == (201, {"count": 1}, "r-1")
    assert acme.notes == ["déjà"]


def test_the_connection_stays_open_across_all_kinds_of_replies(sandbox):
    with httpx.Client(base_url=sandbox.base_url("acme")) as client:
        statuses = [
            client.post("/notes", content="1").status_code,
            client.get("/nothing").status_code,
            client.head("/echo").status_code,
            client.get("/echo").status_code,
        ]
        pool = client._transport._pool
        assert len(pool.connections) == 1
    assert statuses == [201, 204, 200, 200]


def test_concurrent_clients_all_get_responses(sandbox, acme):
    def send_notes():
        with httpx.Client(base_url=sandbox.base_url("acme")) as client:
            for _ in range(20):
                client.post("/notes", content="n").raise_for_status()

    clients = [threading.Thread(target=send_notes) for _ in range(8)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert len(acme.notes) == 160


def test_an_exception_in_a_vendor_returns_500_and_is_logged(sandbox, caplog):
    caplog.set_level(logging.ERROR)
    response = httpx.get(sandbox.base_url("acme") + "/broken")
    assert response.status_code == 500
    assert "acme failed" in response.json()["message"]
    assert "disk full" in caplog.text
    assert httpx.get(sandbox.base_url("acme") + "/echo").status_code == 200


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (b"Transfer-Encoding: chunked", b"411"),
        (b"Content-Length: many", b"400"),
        (b"Content-Length: 99999999999", b"413"),
    ],
)
def test_bodies_that_cannot_be_read_are_rejected(sandbox, acme, header, status):
    response = send_raw(sandbox.url, b"POST /acme/notes HTTP/1.1\r\nHost: localhost\r\n" + header + b"\r\n\r\n")
    assert response.startswith(b"HTTP/1.1 " + status)
    assert acme.notes == []


def test_an_incomplete_body_does_not_reach_the_vendor(sandbox, acme):
    assert (
        send_raw(sandbox.url, b"POST /acme/notes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf") == b""
    )
    assert acme.notes == []


@pytest.mark.parametrize(
    ("faults", "error", "applied_count"),
    [
        ("timeout-before=1", httpx.ReadTimeout, 0),
        ("timeout-after=1", httpx.ReadTimeout, 1),
        ("reset-before=1", httpx.ReadError, 0),
        ("reset-after=1", httpx.ReadError, 1),
    ],
)
def test_timeouts_and_resets_occur_before_or_after_applying(acme, faults, error, applied_count):
    with faulty_sandbox(acme, faults) as sandbox, pytest.raises(error):
        httpx.post(sandbox.base_url("acme") + "/notes", content="n", timeout=0.3)
    assert len(acme.notes) == applied_count


@pytest.mark.parametrize(("faults", "applied_count"), [("malformed-before=1", 0), ("malformed-after=1", 1)])
def test_malformed_responses_are_not_json(acme, faults, applied_count):
    with faulty_sandbox(acme, faults) as sandbox:
        response = httpx.post(sandbox.base_url("acme") + "/notes", content="n")
    assert response.status_code == 200
    with pytest.raises(ValueError):
        response.json()
    assert len(acme.notes) == applied_count


@pytest.mark.parametrize(
    ("faults", "status", "applied_count"), [("500-before=1", 500, 0), ("500-after=1", 500, 1), ("429=1", 429, 0)]
)
def test_status_faults_occur_before_or_after_applying(acme, faults, status, applied_count):
    with faulty_sandbox(acme, faults) as sandbox:
        response = httpx.post(sandbox.base_url("acme") + "/notes", content="n")
    assert response.status_code == status
    assert response.headers.get("retry-after") == ("1" if status == 429 else None)
    assert len(acme.notes) == applied_count


def test_stop_ends_stalled_requests(acme):
    errors = []

    def send_note(url):
        try:
            httpx.post(url, content="n", timeout=30)
        except httpx.HTTPError as error:
            errors.append(error)

    with faulty_sandbox(acme, "timeout=1") as sandbox:
        client = threading.Thread(target=send_note, args=(sandbox.base_url("acme") + "/notes",))
        client.start()
        while not sandbox.faults.injected_counts():
            client.join(0.01)
    client.join(3)
    assert len(errors) == 1


def test_a_port_in_use_raises(sandbox, acme):
    with pytest.raises(OSError, match="in use"):
        Sandbox({"acme": acme}, port=urlsplit(sandbox.url).port).start()


@pytest.mark.parametrize("path", ["/", "/_state", "/acme/echo"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "sandbox.example.com"},
        {"Host": "localhost.example.com:80"},
        {"Host": "[::1"},
        {"Host": ""},
        {"Origin": "https://www.example.com"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
    ],
    ids=str,
)
def test_requests_of_other_sites_are_refused(sandbox, path, headers):
    response = httpx.get(sandbox.url + path, headers=headers)
    assert response.status_code == 403
    assert "must name this machine as Host" in response.json()["message"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_requests_by_any_name_of_this_machine_are_answered(sandbox, host):
    name = f"{host}:{urlsplit(sandbox.url).port}"
    headers = {"Host": name, "Origin": f"http://{name}"}
    assert httpx.get(f"{sandbox.url}/acme/echo", headers=headers).status_code == 200
