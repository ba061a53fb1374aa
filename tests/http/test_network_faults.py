"""Network faults: RetryLater if nothing was sent, OutcomeUnknown if the call may have been applied."""

import socket
import struct
import time

import httpx
import pytest

from nps_connect.errors import DeliveryError, OutcomeUnknown, Rejected, RetryLater


def outcome_of(client, *, idempotent, method="POST", **more):
    with pytest.raises(DeliveryError) as raised:
        client.call(method, "/tickets", action="open_ticket", idempotent=idempotent, **more)
    assert not isinstance(raised.value.__cause__, httpx.HTTPError)
    assert raised.value.__suppress_context__
    return raised.value


@pytest.mark.parametrize("idempotent", [True, False])
def test_a_refused_connection_raises_retry_later(client, clock, idempotent):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = outcome_of(client(base_url=f"http://127.0.0.1:{port}"), idempotent=idempotent)
    assert type(error) is RetryLater
    assert f"Acme at 127.0.0.1:{port} cannot be reached (ConnectError" in error.message
    assert error.exchange == {"method": "POST", "path": "/tickets"}
    assert (error.connection, error.action, error.status) == ("crm", "open_ticket", None)


def test_a_refused_connection_is_retried_three_times_within_a_second(client, clock, failing):
    transport = failing(*[httpx.ConnectError("refused")] * 9)
    outcome_of(client(transport=transport), idempotent=False)
    assert len(transport.requests) == 3
    assert len(clock.slept) == 2
    assert sum(clock.slept) < 1.5


def test_a_connection_that_recovers_during_the_retries_is_used(client, failing):
    transport = failing(httpx.ConnectError("refused"))
    answer = client(transport=transport).call("POST", "/tickets", action="open_ticket", idempotent=False)
    assert answer.status == 200
    assert len(transport.requests) == 2


@pytest.mark.parametrize("error", [httpx.ConnectTimeout("slow"), httpx.PoolTimeout("busy")])
def test_timeouts_before_sending_are_not_retried_by_the_client(client, failing, error):
    transport = failing(error, error)
    assert type(outcome_of(client(transport=transport), idempotent=False)) is RetryLater
    assert len(transport.requests) == 1


AFTER_SENDING = [
    httpx.ReadTimeout("slow"),
    httpx.ReadError("reset"),
    httpx.WriteError("broken pipe"),
    httpx.WriteTimeout("slow"),
    httpx.RemoteProtocolError("garbage"),
    httpx.DecodingError("bad gzip"),
]


@pytest.mark.parametrize("error", AFTER_SENDING, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(("idempotent", "kind"), [(True, RetryLater), (False, OutcomeUnknown)])
def test_a_loss_after_sending_is_in_doubt_unless_the_call_is_idempotent(client, failing, error, idempotent, kind):
    transport = failing(error, error)
    assert type(outcome_of(client(transport=transport), idempotent=idempotent)) is kind
    assert len(transport.requests) == 1


def reset(_request, peer):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return "close"


def garbage(_request, peer):
    peer.sendall(b"SMTP ready\r\n\r\n")
    return "close"


def cut(_request, peer):
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    return "close"


def bad_gzip(_request, peer):
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nxxxx")


def silent(_request, _peer):
    return "close"


@pytest.mark.parametrize("behave", [reset, garbage, cut, bad_gzip, silent])
@pytest.mark.parametrize(("idempotent", "kind"), [(True, RetryLater), (False, OutcomeUnknown)])
def test_a_vendor_that_closes_the_connection(vendor, client, behave, idempotent, kind):
    vendor.behave = behave
    assert type(outcome_of(client(), idempotent=idempotent, json={"a": 1})) is kind
    assert len(vendor.requests) == 1


@pytest.mark.parametrize(("idempotent", "kind"), [(True, RetryLater), (False, OutcomeUnknown)])
def test_no_response_within_the_read_timeout(vendor, client, idempotent, kind):
    vendor.behave = lambda _request, _peer: None
    error = outcome_of(client(client={"read_timeout": 0.05}), idempotent=idempotent)
    assert type(error) is kind
    assert "ReadTimeout" in error.message
    assert vendor.request_count() == 1


def trickle(pieces):
    def behave(_request, peer):
        for piece in pieces:
            peer.sendall(piece)
            if behave.vendor.wait(0.02):
                return "close"
        return "close"

    return behave


@pytest.mark.parametrize(
    "pieces",
    [
        [b"HTTP/1.1 200 OK\r\n", *[b"X-Slow: 1\r\n"] * 1000],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", *[b"x"] * 1000],
    ],
    ids=["in the header", "in the body"],
)
def test_a_trickling_response_ends_at_the_total_deadline(vendor, client, pieces):
    vendor.behave = trickle(pieces)
    vendor.behave.vendor = vendor
    began = time.monotonic()
    error = outcome_of(client(client={"read_timeout": 5.0, "total_deadline": 0.2}), idempotent=False)
    assert type(error) is OutcomeUnknown
    assert time.monotonic() - began < 2


def test_each_call_has_its_own_deadline(vendor, client):
    vendor_client = client(client={"total_deadline": 0.2})
    vendor.behave = lambda _request, _peer: None
    outcome_of(vendor_client, idempotent=True)
    vendor.reply()
    assert vendor_client.call("GET", "/x", action="look", idempotent=True).status == 200


def test_a_response_larger_than_the_limit_is_aborted(client):
    stream = (b"x" * 1024 * 1024 for _ in range(30))
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, content=stream))
    error = outcome_of(client(transport=transport), idempotent=True, method="GET")
    assert "larger than 20 MiB" in error.message


def test_an_invalid_url_is_rejected(client):
    with pytest.raises(Rejected, match="no address for this call"):
        client().call("GET", "/contacts/a\nb", action="look", idempotent=True)


def test_credentials_are_not_sent_to_another_host(vendor, client):
    with pytest.raises(Rejected, match=r"other\.example\.com would send it the credentials of 127\.0\.0\.1"):
        client().call("GET", "http://other.example.com/next", action="look", idempotent=True)
    assert vendor.requests == []


def test_an_absolute_url_on_the_same_host_is_called(vendor, client):
    client().call("GET", f"http://127.0.0.1:{vendor.port}/api/next?after=3", action="look", idempotent=True)
    assert vendor.requests[0].startswith(b"GET /api/next?after=3 ")


def test_tls_to_a_plain_server_raises_retry_later(vendor, client):
    vendor.behave = garbage
    url = f"https://127.0.0.1:{vendor.port}"
    error = outcome_of(client(base_url=url, client={"connect_timeout": 0.1}), idempotent=False)
    assert type(error) is RetryLater
