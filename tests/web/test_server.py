"""The real HTTP server on a loopback socket: hostile and broken clients cost little and disturb nobody."""

import gc
import logging
import socket
import threading
from contextlib import contextmanager

import pytest

from nps_connect.web.app import create_app
from nps_connect.web.connections import ClientFaultLog
from nps_connect.web.server import build_server
from nps_connect.web.server_protocol import ServerProtocol

PAGE = b"GET /s/marie HTTP/1.1\r\nHost: testserver\r\n\r\n"
UNREAD = b"\r\nContent-Length: 999999\r\n\r\n"
SHORT = 0.2


@pytest.fixture
def serve(backend):
    """Run a server with the given limits; yields a function that opens a connection to it."""

    @contextmanager
    def run(**limits):
        server = build_server(create_app(backend), **limits)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)  # a client that reads nothing shows soon
            address = listener.getsockname()
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
            thread.start()
            try:
                yield lambda: socket.create_connection(address, timeout=20)
            finally:
                server.should_exit = True
                thread.join(15)
                assert not thread.is_alive()

    return run


def read_all(connection):
    """Return everything that the server sends until it closes."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def read_response(connection):
    """Return one response with its body."""
    response = b""
    while b"\r\n\r\n" not in response:
        response += connection.recv(1)
    length = int(response.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while length:
        part = connection.recv(length)
        response, length = response + part, length - len(part)
    return response


def status_line(response):
    return response.partition(b"\r\n")[0]


def test_the_head_must_arrive_in_time(serve):
    with serve(head_timeout=SHORT) as connect, connect() as silent, connect() as slow:
        slow.sendall(b"GET /s/marie HTTP/1.1\r\nHost: ")
        assert status_line(read_all(slow)) == b"HTTP/1.1 408 Request Timeout"
        assert read_all(silent) == b""


def test_blank_lines_between_requests_do_not_prolong_the_time_for_the_head(serve):
    with serve(head_timeout=SHORT) as connect, connect() as connection:
        connection.sendall(PAGE)
        read_response(connection)
        connection.settimeout(SHORT / 20)
        received = None
        while received is None:
            try:
                received = connection.recv(100)
            except TimeoutError:
                connection.sendall(b"\r\n")
        assert status_line(received) == b"HTTP/1.1 408 Request Timeout"


def test_a_request_that_takes_long_to_answer_outlives_the_time_for_its_head(serve, backend):
    backend.gate = threading.Event()
    with serve(head_timeout=SHORT) as connect, connect() as connection:
        connection.sendall(PAGE)
        backend.gate.wait(2 * SHORT)
        backend.gate.set()
        assert status_line(read_response(connection)) == b"HTTP/1.1 200 OK"


def test_over_the_connection_limit_the_longest_idle_connection_makes_room(serve):
    with serve(max_connections=2) as connect, connect() as first, connect() as second:
        first.sendall(PAGE)
        read_response(first)  # idle again, and later than the second
        with connect() as third:
            third.sendall(PAGE)
            assert status_line(read_response(third)) == b"HTTP/1.1 200 OK"
            assert read_all(second) == b""
            first.sendall(PAGE)
            assert status_line(read_response(first)) == b"HTTP/1.1 200 OK"


def test_a_connection_over_the_limit_is_refused_while_all_others_are_busy(serve, backend):
    backend.gate = threading.Event()
    with serve(max_connections=1) as connect, connect() as busy:
        busy.sendall(PAGE)
        busy.settimeout(SHORT)
        with pytest.raises(TimeoutError):
            busy.recv(1)
        with connect() as refused:
            response = read_all(refused)
        assert status_line(response) == b"HTTP/1.1 503 Service Unavailable"
        assert b"retry-after" in response
        backend.gate.set()
        busy.settimeout(20)
        assert status_line(read_response(busy)) == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize("path", [b"/b/other", b"/s/nobody", b"/hooks/other"])
def test_the_connection_closes_after_a_response_without_reading_the_body(serve, path):
    head = b"POST " + path + b" HTTP/1.1\r\nHost: testserver\r\nContent-Length: 100000\r\n\r\n"
    with serve(linger=SHORT) as connect, connect() as connection:
        connection.sendall(head)
        response = read_all(connection)
    assert status_line(response) == b"HTTP/1.1 404 Not Found"
    assert b"connection: close" in response


def test_a_client_sees_the_refusal_of_a_body_that_it_is_still_sending(serve):
    head = b"POST /hooks/crm HTTP/1.1\r\nHost: testserver\r\nContent-Length: 8000000\r\n\r\n"
    with serve() as connect, connect() as connection:
        connection.sendall(head + b"x" * 3_000_000)
        assert status_line(read_all(connection)) == b"HTTP/1.1 413 Request Entity Too Large"


def test_a_connection_with_a_complete_request_stays_open(serve):
    with serve() as connect, connect() as connection:
        for _ in range(2):
            connection.sendall(b"POST /u/stop HTTP/1.1\r\nHost: testserver\r\nContent-Length: 3\r\n\r\na=b")
            response = read_response(connection)
            assert (status_line(response), b"connection: close" in response) == (b"HTTP/1.1 200 OK", False)


BOTH_LENGTHS = (
    b"POST /hooks/crm HTTP/1.1\r\nHost: a\r\nX-Signature: good\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"0\r\n\r\n"
)


@pytest.mark.parametrize(
    "request_bytes",
    [
        BOTH_LENGTHS,
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /s/\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /hooks/crm HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /hooks/crm HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /hooks/crm HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 201 + b"\r\n",
    ],
)
def test_an_invalid_request_is_refused_and_the_connection_closed_without_a_traceback(serve, caplog, request_bytes):
    with serve(linger=SHORT) as connect, connect() as connection:
        connection.sendall(request_bytes + PAGE)
        response = read_all(connection)
    assert status_line(response) == b"HTTP/1.1 400 Bad Request"
    assert response.count(b"HTTP/1.1") == 1
    assert "Traceback" not in caplog.text
    assert "client_fault kind=invalid_request count=1" in caplog.text


def test_a_head_without_end_is_refused(serve):
    with serve(linger=SHORT) as connect, connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX: ")
        for _ in range(70):
            connection.sendall(b"x" * 1024)
        assert status_line(read_all(connection)) == b"HTTP/1.1 431 Request Header Fields Too Large"


def test_trailers_without_end_are_refused(serve):
    trailers = (b"X: " + b"y" * 65_000 + b"\r\n") * 200
    with serve() as connect, connect() as connection:
        connection.sendall(b"POST /hooks/crm HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
        with pytest.raises(ConnectionError):
            connection.sendall(trailers)


def test_a_request_for_another_protocol_is_answered_as_a_request(serve):
    request = PAGE.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
    with serve() as connect, connect() as connection:
        connection.sendall(request)
        assert status_line(read_all(connection)) == b"HTTP/1.1 200 OK"


def test_a_client_that_reads_no_responses_is_disconnected(serve, caplog):
    with serve(write_timeout=SHORT) as connect, connect() as connection, connect() as other:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(PAGE * 30)
        while "client_fault kind=slow_reader count=1" not in caplog.text:
            other.sendall(PAGE)
            assert status_line(read_response(other)) == b"HTTP/1.1 200 OK"
        assert read_all(connection).count(b"HTTP/1.1 200 OK") < 30
    assert "Traceback" not in caplog.text


def test_a_closed_connection_is_freed_without_the_garbage_collector(serve):
    def open_connections():
        return sum(isinstance(item, ServerProtocol) for item in gc.get_objects())

    with serve() as connect:
        gc.collect()
        gc.disable()
        try:
            for content in (PAGE, b"hello\r\n\r\n", PAGE.replace(b"GET", b"POST").replace(b"\r\n\r\n", UNREAD), b""):
                with connect() as connection:
                    connection.sendall(content)
                    connection.shutdown(socket.SHUT_WR)
                    read_all(connection)
            with connect() as connection:
                connection.sendall(PAGE)
                read_response(connection)
                assert open_connections() == 1
        finally:
            gc.enable()


def test_pipelined_requests_are_answered_in_order(serve):
    unknown = PAGE.replace(b"marie", b"nobody")
    with serve() as connect, connect() as connection:
        connection.sendall(PAGE + unknown + PAGE)
        statuses = [status_line(read_response(connection)) for _ in range(3)]
    assert statuses == [b"HTTP/1.1 200 OK", b"HTTP/1.1 404 Not Found", b"HTTP/1.1 200 OK"]


def test_more_requests_than_32_waiting_on_one_connection_are_refused(serve, backend):
    backend.gate = threading.Event()
    with serve() as connect, connect() as connection:
        connection.sendall(PAGE * 34)
        response = read_all(connection)
        backend.gate.set()
    assert status_line(response) == b"HTTP/1.1 400 Bad Request"


def test_a_host_header_that_is_no_host_is_no_error_of_ours(serve):
    for path in (b"/nothing", b"/hooks/crm", b"/s/marie", b"/u/stop", b"/readyz"):
        with serve() as connect, connect() as connection:
            connection.sendall(b"PUT " + path + b" HTTP/1.1\r\nHost: [\r\n\r\n")
            assert status_line(read_response(connection)).split()[1] in {b"404", b"405"}


def test_faults_of_clients_are_logged_once_a_minute_with_their_number(caplog):
    caplog.set_level(logging.WARNING, logger="nps_connect.web")
    now = 0.0
    faults = ClientFaultLog(lambda: now)
    for _ in range(1000):
        faults.record("slow_head")
    faults.record("invalid_request")
    now = 60.0
    faults.record("slow_head")
    assert [record.getMessage() for record in caplog.records] == [
        "client_fault kind=slow_head count=1",
        "client_fault kind=invalid_request count=1",
        "client_fault kind=slow_head count=1000",
    ]
