"""Errors, exchanges, tracebacks, reprs and logs contain neither secrets nor e-mail addresses."""

import base64
import logging
import traceback

import httpx
import pytest

from nps_connect.errors import DeliveryError, Rejected

TOKEN = "sentinel-token-8d1f"
MAILBOX = "lea.martin@example.com"


def all_texts(error):
    return "\n".join([str(error), repr(error), repr(error.args), repr(vars(error)), *traceback.format_exception(error)])


def echo(status=400):
    """A vendor that returns headers, URL and body of the request."""

    def handle(request):
        texts = {"headers": dict(request.headers), "url": str(request.url), "body": request.read().decode()}
        return httpx.Response(status, json=texts)

    return httpx.MockTransport(handle)


def failure(vendor_client, path="/x", **options):
    with pytest.raises(DeliveryError) as raised:
        vendor_client.call("POST", path, action="open_ticket", idempotent=False, **options)
    return raised.value


def test_an_echoed_token_is_hidden(client):
    texts = all_texts(failure(client(transport=echo()), json={"token": TOKEN}))
    assert TOKEN not in texts
    assert "[hidden]" in texts


def test_encoded_credentials_are_hidden(client):
    packed = base64.b64encode(f"agent@example.com/token:{TOKEN}".encode()).decode()
    vendor_client = client(transport=echo(), auth=lambda _connection: {"Authorization": f"Basic {packed}"})
    assert packed not in all_texts(failure(vendor_client, json={"decoded": packed}))


def test_a_token_fetched_at_run_time_is_hidden(client):
    class Fetched(httpx.Auth):
        def __init__(self, connection):
            self.connection = connection

        def auth_flow(self, request):
            request.headers["Authorization"] = "Bearer fetched-at-run-time"
            yield request

    assert "fetched-at-run-time" not in all_texts(failure(client(transport=echo(), auth=Fetched), json={}))


@pytest.mark.parametrize("path", [f"/contacts/{MAILBOX}", "/contacts/lea.martin%40example.com", f"/{TOKEN}"])
def test_addresses_and_secrets_in_the_path_are_hidden(client, path):
    texts = all_texts(failure(client(transport=echo()), path))
    assert MAILBOX not in texts
    assert "lea.martin" not in texts
    assert TOKEN not in texts


def test_a_secret_at_the_end_of_the_excerpt_is_hidden(client):
    body = (MAILBOX + " ") * 150 + "x" * (4000 - 150 * (len(MAILBOX) + 1) - 10) + TOKEN
    answer = httpx.MockTransport(lambda _request: httpx.Response(400, text=body))
    assert TOKEN[:8] not in all_texts(failure(client(transport=answer)))


def test_a_refined_error_is_redacted(client):
    vendor_client = client(transport=echo(), refine=lambda *_: Rejected(f"the vendor says: {TOKEN} of {MAILBOX}"))
    error = failure(vendor_client)
    assert error.message == "the vendor says: [hidden] of [address]"


def test_network_errors_are_redacted(client, failing):
    vendor_client = client(transport=failing(httpx.ReadTimeout(f"no answer for {TOKEN} from {MAILBOX}")))
    texts = all_texts(failure(vendor_client))
    assert TOKEN not in texts
    assert MAILBOX not in texts


def test_the_error_of_a_response_that_is_not_json_is_redacted(client):
    answer = httpx.MockTransport(lambda _request: httpx.Response(200, text=f"<p>{TOKEN} {MAILBOX}</p>"))
    with pytest.raises(DeliveryError) as raised:
        client(transport=answer).call_json("GET", f"/contacts/{MAILBOX}", action="look", idempotent=True)
    texts = all_texts(raised.value)
    assert TOKEN not in texts
    assert MAILBOX not in texts


def test_reprs_contain_no_secret(client):
    vendor_client = client()
    assert TOKEN not in repr(vendor_client)
    assert TOKEN not in repr(vendor_client._connection)


def test_nothing_is_logged_about_calls(client, caplog):
    caplog.set_level(logging.DEBUG)
    failure(client(transport=echo()), f"/contacts/{MAILBOX}", params={"email": MAILBOX})
    assert MAILBOX not in caplog.text
    assert TOKEN not in caplog.text


def test_nothing_is_logged_about_real_connections(vendor, client, caplog):
    caplog.set_level(logging.DEBUG)
    client().call("GET", "/x", action="look", idempotent=True, params={"email": MAILBOX})
    assert vendor.requests
    assert "example.com" not in caplog.text
    assert TOKEN not in caplog.text
