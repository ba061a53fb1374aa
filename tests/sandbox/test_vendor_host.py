from __future__ import annotations

import logging
import socket
import threading
from urllib.parse import urlsplit

import httpx
import pytest

from nps_connect.sandbox.faults import FaultPlan, parse_faults
from nps_connect.sandbox.sandbox import Sandbox


def spoiled(acme, faults):
    return Sandbox({"acme": acme}, faults=FaultPlan(parse_faults(faults)), stall_seconds=5)


def talk(url, request):
    """Send raw bytes; everything that comes back until the server closes."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as line:
        line.sendall(request)
        line.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: line.recv(65536), b""))


def test_a_vendor_sees_requests_relative_to_its_mount(sandbox):
    answer = httpx.get(sandbox.base_url("acme") + "/echo/a%20b?x=1&y=", headers={"User-Agent": "tester"})
    assert answer.json() == {"path": "/echo/a b", "query": {"x": "1", "y": ""}, "agent": "tester"}


def test_replies_keep_status_body_and_headers(sandbox, acme):
    answer = httpx.post(sandbox.base_url("acme") + "/notes", content="déjà")
    assert (answer.status_code, answer.json(), answer.headers["x-request-id"]) == (201, {"kept": 1}, "r-1")
    assert acme.notes == ["déjà"]


def test_a_connection_is_kept_alive_through_all_kinds_of_replies(sandbox):
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


def test_many_callers_at_once_are_all_answered(sandbox, acme):
    def call():
        with httpx.Client(base_url=sandbox.base_url("acme")) as client:
            for _ in range(20):
                client.post("/notes", content="n").raise_for_status()

    callers = [threading.Thread(target=call) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(acme.notes) == 160


def test_a_vendor_that_fails_is_a_500_and_goes_on(sandbox, caplog):
    caplog.set_level(logging.ERROR)
    answer = httpx.get(sandbox.base_url("acme") + "/broken")
    assert answer.status_code == 500
    assert "acme failed" in answer.json()["message"]
    assert "out of paper" in caplog.text
    assert httpx.get(sandbox.base_url("acme") + "/echo").status_code == 200


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"Transfer-Encoding: chunked", b"411"),
        (b"Content-Length: many", b"400"),
        (b"Content-Length: 99999999999", b"413"),
    ],
)
def test_bodies_that_cannot_be_read_are_refused(sandbox, acme, head, status):
    answer = talk(sandbox.url, b"POST /acme/notes HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert acme.notes == []


def test_a_body_that_breaks_off_reaches_nobody(sandbox, acme):
    assert talk(sandbox.url, b"POST /acme/notes HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf") == b""
    assert acme.notes == []


@pytest.mark.parametrize(
    ("faults", "error", "applied"),
    [
        ("timeout-before=1", httpx.ReadTimeout, 0),
        ("timeout-after=1", httpx.ReadTimeout, 1),
        ("reset-before=1", httpx.ReadError, 0),
        ("reset-after=1", httpx.ReadError, 1),
    ],
)
def test_no_answer_before_and_after_applying(acme, faults, error, applied):
    with spoiled(acme, faults) as sandbox, pytest.raises(error):
        httpx.post(sandbox.base_url("acme") + "/notes", content="n", timeout=0.3)
    assert len(acme.notes) == applied


@pytest.mark.parametrize(("faults", "applied"), [("malformed-before=1", 0), ("malformed-after=1", 1)])
def test_malformed_answers_cannot_be_read(acme, faults, applied):
    with spoiled(acme, faults) as sandbox:
        answer = httpx.post(sandbox.base_url("acme") + "/notes", content="n")
    assert answer.status_code == 200
    with pytest.raises(ValueError):
        answer.json()
    assert len(acme.notes) == applied


@pytest.mark.parametrize(
    ("faults", "status", "applied"), [("500-before=1", 500, 0), ("500-after=1", 500, 1), ("429=1", 429, 0)]
)
def test_error_statuses_before_and_after_applying(acme, faults, status, applied):
    with spoiled(acme, faults) as sandbox:
        answer = httpx.post(sandbox.base_url("acme") + "/notes", content="n")
    assert answer.status_code == status
    assert answer.headers.get("retry-after") == ("1" if status == 429 else None)
    assert len(acme.notes) == applied


def test_a_stop_frees_those_who_wait(acme):
    errors = []

    def call(url):
        try:
            httpx.post(url, content="n", timeout=30)
        except httpx.HTTPError as error:
            errors.append(error)

    with spoiled(acme, "timeout=1") as sandbox:
        caller = threading.Thread(target=call, args=(sandbox.base_url("acme") + "/notes",))
        caller.start()
        while not sandbox.faults.injected_counts():
            caller.join(0.01)
    caller.join(3)
    assert len(errors) == 1


def test_a_taken_port_is_told(sandbox, acme):
    with pytest.raises(OSError, match="in use"):
        Sandbox({"acme": acme}, port=urlsplit(sandbox.url).port).start()
