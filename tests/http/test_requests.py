"""The content of requests, and of the returned responses."""

import httpx
import pytest

from nps_connect import Connection, ConnectionSettings, ConnectorInfo, ExampleConfiguration, VendorClient
from nps_connect.errors import ConfigError, OutcomeUnknown, Rejected, RetryLater


def head_of(request):
    return request.partition(b"\r\n\r\n")[0].decode().lower().split("\r\n")


def test_a_response_is_read_completely_with_the_vendors_request_id(vendor, client):
    vendor.reply(201, b'{"id": 7}', X_Request_Id="req-1", X_Other="yes")
    answer = client(request_id_header="X-Request-Id").call("POST", "/x", action="open_ticket", idempotent=False)
    assert (answer.status, answer.json(), answer.request_id) == (201, {"id": 7}, "req-1")
    assert answer.headers["x-other"] == "yes"


def test_the_repr_of_a_response_contains_neither_body_nor_headers(vendor, client):
    vendor.reply(200, b'{"email": "lea@example.com"}', X_Secret="s3cret")
    answer = client().call("GET", "/x", action="look", idempotent=True)
    assert repr(answer) == "VendorResponse(status=200, request_id=None)"


def test_the_path_is_relative_to_the_base_url_and_stays_encoded(vendor, client):
    client().call("GET", "/contacts/a%2Fb", action="look", idempotent=True, params={"q": "é", "limit": 2})
    assert vendor.requests[0].startswith(b"GET /api/contacts/a%2Fb?q=%C3%A9&limit=2 HTTP/1.1")


def test_credentials_and_accept_header_are_sent(vendor, client):
    client().call("GET", "/x", action="look", idempotent=True)
    head = head_of(vendor.requests[0])
    assert "authorization: bearer sentinel-token-8d1f" in head
    assert "accept: application/json" in head


@pytest.mark.parametrize(
    ("part", "body", "media_type"),
    [
        ({"json": {"a": [1]}}, b'{"a":[1]}', "application/json"),
        ({"form": {"a": "b c"}}, b"a=b+c", "application/x-www-form-urlencoded"),
        ({"content": b"raw", "headers": {"Content-Type": "text/csv"}}, b"raw", "text/csv"),
    ],
)
def test_the_body_is_encoded_with_its_media_type(vendor, client, part, body, media_type):
    client().call("POST", "/x", action="write_score", idempotent=True, **part)
    assert vendor.requests[0].partition(b"\r\n\r\n")[2] == body
    assert f"content-type: {media_type}" in head_of(vendor.requests[0])


def test_a_retry_sends_the_same_bytes(vendor, client):
    vendor_client = client(idempotency_header="Idempotency-Key")
    for _ in range(2):
        vendor_client.call(
            "POST", "/x", action="open_ticket", idempotent=False, json={"b": 1, "a": 2}, idempotency_key="key-1"
        )
    assert vendor.requests[0] == vendor.requests[1]


def test_the_idempotency_key_is_sent_in_the_declared_header(vendor, client):
    vendor_client = client(idempotency_header="X-Once")
    vendor_client.call("POST", "/x", action="open_ticket", idempotent=False, idempotency_key="case-4")
    assert "x-once: case-4" in head_of(vendor.requests[0])


def test_an_idempotency_key_without_a_declared_header_raises_value_error(vendor, client):
    with pytest.raises(ValueError, match="'acme' declares no idempotency_header"):
        client().call("POST", "/x", action="open_ticket", idempotent=False, idempotency_key="case-4")
    assert vendor.requests == []


def test_cookies_are_not_stored(vendor, client):
    vendor.reply(200, Set_Cookie="session=of-somebody; Path=/")
    vendor_client = client()
    for _ in range(2):
        vendor_client.call("GET", "/x", action="look", idempotent=True)
    assert not [line for line in head_of(vendor.requests[1]) if line.startswith("cookie")]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(vendor, client, status):
    vendor.reply(status, Location="/elsewhere")
    with pytest.raises(Rejected, match="a redirect, which is not followed"):
        client().call("POST", "/x", action="open_ticket", idempotent=False)
    assert len(vendor.requests) == 1


@pytest.mark.parametrize("status", [200, 201, 202, 204, 207])
def test_2xx_is_success(client, status):
    answer = client(transport=fixed(status)).call("POST", "/x", action="open_ticket", idempotent=False)
    assert answer.status == status


def test_a_caller_can_accept_other_statuses(client):
    answer = client(transport=fixed(404)).call("GET", "/x", action="look", idempotent=True, accept=[404])
    assert answer.status == 404


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe\x00", b"{", b"[" * 200_000, b"1" * 10_000])
@pytest.mark.parametrize(("idempotent", "kind"), [(True, RetryLater), (False, OutcomeUnknown)])
def test_a_response_that_is_not_json_raises(client, body, idempotent, kind):
    with pytest.raises(RetryLater if idempotent else OutcomeUnknown) as raised:
        client(transport=fixed(200, body)).call_json("POST", "/x", action="open_ticket", idempotent=idempotent)
    error = raised.value
    assert type(error) is kind
    assert (error.status, error.action, error.exchange["path"]) == (200, "open_ticket", "/api/x")


def test_call_json_returns_the_parsed_json(client):
    assert client(transport=fixed(200, b"[1, null]")).call_json("GET", "/x", action="look", idempotent=True) == [
        1,
        None,
    ]


@pytest.mark.parametrize("token", ["line\nbreak", "end ", " start", "accentué", "nul\x00"])
def test_credentials_that_are_invalid_in_a_header_are_a_config_error(client, token):
    with pytest.raises(ConfigError, match=r"connections\.crm: the credentials in the header Authorization") as raised:
        client(auth=lambda _connection: {"Authorization": token})
    assert token not in str(raised.value)


def test_a_connection_without_http_has_no_client():
    example = ExampleConfiguration(connection="crm", table="")
    info = ConnectorInfo(name="acme", title="Acme", settings=ConnectionSettings, example=example)
    with pytest.raises(ValueError, match="'acme' declares no base_url"):
        VendorClient(Connection("crm", ConnectionSettings(plugin="acme")), info)


def fixed(status, body=b"{}", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.MockTransport(lambda _request: httpx.Response(status, content=body, headers=named))
