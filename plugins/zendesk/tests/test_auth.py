"""Authentication: fixed token, legacy API token, OAuth client with rotating refresh tokens, one renewal at a time."""

from __future__ import annotations

import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

import nps_connect_zendesk
from nps_connect import AuthFailed, DeliveryError, RetryLater
from nps_connect.testing import connect
from nps_connect_zendesk.auth import TOKEN_STORE_KEY
from nps_connect_zendesk.simulated.access_control import API_TOKEN, AUTHORIZATION_CODE, CLIENT_ID, CLIENT_SECRET

CLIENT = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
BY_CODE = {
    **CLIENT,
    "grant": "authorization_code",
    "redirect_uri": "https://nps.example.com/oauth",
}


def redeem_code(connection, code=AUTHORIZATION_CODE):
    """Return the connection after an admin's consent."""
    nps_connect_zendesk.nps_authorize(connection, code)
    return connection


def load_role(connection):
    return connection.http.call_json("GET", "/api/v2/users/me", action="test", idempotent=True)["user"]["role"]


def stored_tokens(connection):
    return json.loads(connection.tokens.read(TOKEN_STORE_KEY))


def grant_types(transport):
    return [json.loads(request.body)["grant_type"] for request in transport.requests if request.path == "/oauth/tokens"]


def test_a_fixed_access_token_is_sent(helpdesk, transport):
    assert load_role(helpdesk()) == "admin"
    assert transport.requests[0].headers["authorization"] == "Bearer sandbox-zendesk-token"


def test_the_legacy_api_token_works_until_its_end(helpdesk, transport, clock):
    connection = helpdesk(email="agent@example.com", api_token=API_TOKEN)
    assert load_role(connection) == "admin"
    pair = base64.b64decode(transport.requests[0].headers["authorization"].removeprefix("Basic ")).decode()
    assert pair == f"agent@example.com/token:{API_TOKEN}"
    clock.forward(timedelta(days=430))
    with pytest.raises(AuthFailed):
        load_role(connection)


class TestClientCredentials:
    def test_one_token_is_used_for_many_calls(self, helpdesk, transport):
        connection = helpdesk(**CLIENT, scopes=["read", "write"])
        assert [load_role(connection) for _ in range(3)] == ["admin"] * 3
        assert grant_types(transport) == ["client_credentials"]
        body = json.loads(transport.requests[0].body)
        assert (body["scope"], body["expires_in"]) == ("read write", 86_400)

    def test_the_token_is_renewed_before_it_expires(self, helpdesk, transport, clock):
        connection = helpdesk(**CLIENT)
        load_role(connection)
        clock.forward(timedelta(hours=23, minutes=56))
        assert load_role(connection) == "admin"
        assert grant_types(transport) == ["client_credentials"] * 2

    def test_a_revoked_token_is_replaced_in_the_same_call(self, vendor, helpdesk, transport):
        connection = helpdesk(**CLIENT)
        load_role(connection)
        vendor.tokens.access.clear()
        assert load_role(connection) == "admin"
        assert len(grant_types(transport)) == 2

    def test_the_body_is_sent_again_with_the_new_token(self, vendor, helpdesk, draft):
        connection = helpdesk(**CLIENT)
        load_role(connection)
        vendor.tokens.access.clear()
        (receipt,) = nps_connect_zendesk.nps_open_tickets(connection, [draft()])
        assert vendor.effects().tickets == {"ada@example.com": [receipt.id]}

    def test_a_wrong_secret_raises_auth_failed(self, helpdesk):
        with pytest.raises(AuthFailed, match="client_id, client_secret"):
            load_role(helpdesk(client_id=CLIENT_ID, client_secret="wrong-secret"))

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_an_unavailable_token_endpoint_is_retried_later(self, make_scripted_connection, status):
        with pytest.raises(RetryLater):
            load_role(make_scripted_connection(status, **CLIENT)[0])

    @pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"access_token": 7}', b"<html>"])
    def test_a_response_without_a_token_raises_auth_failed(self, make_scripted_connection, body):
        with pytest.raises(AuthFailed):
            load_role(make_scripted_connection(200, body, **CLIENT)[0])

    def test_workers_share_the_stored_token(self, vendor, helpdesk, transport):
        first = helpdesk(**CLIENT)
        load_role(first)
        second = helpdesk(**CLIENT, tokens={TOKEN_STORE_KEY: first.tokens.read(TOKEN_STORE_KEY)})
        assert load_role(second) == "admin"
        assert len(grant_types(transport)) == 1

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"x": 1}'])
    def test_a_corrupt_stored_token_is_replaced(self, helpdesk, text):
        assert load_role(helpdesk(**CLIENT, tokens={TOKEN_STORE_KEY: text})) == "admin"

    def test_errors_contain_no_secrets_and_tokens(self, vendor, helpdesk):
        connection = helpdesk(**CLIENT)
        load_role(connection)
        token = stored_tokens(connection)["access_token"]
        with pytest.raises(DeliveryError) as raised:
            connection.http.call("GET", f"/api/v2/x/{token}", action="test", idempotent=True)
        assert token not in str(raised.value) + repr(raised.value.exchange)
        assert CLIENT_SECRET not in repr(connection.settings)


class TestAuthorizationCode:
    def test_nps_authorize_redeems_a_code_once_and_then_refreshes(self, helpdesk, transport, clock):
        connection = redeem_code(helpdesk(**BY_CODE), f" {AUTHORIZATION_CODE}\n")
        for _ in range(3):
            assert load_role(connection) == "admin"
            clock.forward(timedelta(days=1))
        assert grant_types(transport) == ["authorization_code", "refresh_token", "refresh_token"]
        body = json.loads(transport.requests[0].body)
        assert (body["code"], body["redirect_uri"]) == (AUTHORIZATION_CODE, "https://nps.example.com/oauth")
        assert "authorization" not in transport.requests[0].headers

    def test_nps_authorize_needs_no_consent_with_client_credentials(self, helpdesk, transport):
        assert nps_connect_zendesk.nps_authorize(helpdesk(**CLIENT), None) is None
        assert nps_connect_zendesk.nps_authorize(helpdesk(), None) is None
        assert transport.requests == []

    @pytest.mark.parametrize("code", ["wrong", AUTHORIZATION_CODE])
    def test_a_wrong_or_used_code_is_rejected(self, helpdesk, code):
        redeem_code(helpdesk(**BY_CODE))
        connection = helpdesk(**BY_CODE)
        with pytest.raises(AuthFailed, match="valid once and for two minutes"):
            nps_connect_zendesk.nps_authorize(connection, code)
        assert connection.tokens.read(TOKEN_STORE_KEY) is None

    def test_a_wrong_code_keeps_the_valid_pair(self, helpdesk):
        connection = redeem_code(helpdesk(**BY_CODE))
        with pytest.raises(AuthFailed):
            nps_connect_zendesk.nps_authorize(connection, "wrong")
        assert load_role(connection) == "admin"

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_an_unavailable_token_endpoint_is_no_auth_failure(self, make_scripted_connection, status):
        with pytest.raises(DeliveryError) as raised:
            nps_connect_zendesk.nps_authorize(make_scripted_connection(status, **BY_CODE)[0], AUTHORIZATION_CODE)
        assert not isinstance(raised.value, AuthFailed)

    @pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"access_token": 7}'])
    def test_a_response_without_tokens_is_rejected(self, make_scripted_connection, body):
        with pytest.raises(AuthFailed, match="start again"):
            nps_connect_zendesk.nps_authorize(make_scripted_connection(200, body, **BY_CODE)[0], AUTHORIZATION_CODE)

    def test_the_new_pair_is_stored_before_it_is_used(self, vendor, helpdesk, clock):
        connection = redeem_code(helpdesk(**BY_CODE))
        before = stored_tokens(connection)
        clock.forward(timedelta(days=1))
        observed = []
        handle = vendor.handle

        def handle_and_observe(request):
            if request.path.endswith("/users/me"):
                observed.append((request.headers["authorization"], stored_tokens(connection)["access_token"]))
            return handle(request)

        vendor.handle = handle_and_observe
        load_role(connection)
        access_token = stored_tokens(connection)["access_token"]
        assert observed == [(f"Bearer {access_token}", access_token)]
        assert stored_tokens(connection)["refresh_token"] != before["refresh_token"]

    def test_another_process_continues_with_the_stored_pair(self, helpdesk, transport, clock):
        first = redeem_code(helpdesk(**BY_CODE))
        clock.forward(timedelta(days=1))
        second = helpdesk(**BY_CODE, tokens={TOKEN_STORE_KEY: first.tokens.read(TOKEN_STORE_KEY)})
        assert load_role(second) == "admin"
        assert grant_types(transport) == ["authorization_code", "refresh_token"]

    def test_an_invalid_grant_names_the_reconnect_command(self, vendor, helpdesk):
        connection = redeem_code(helpdesk(**BY_CODE))
        load_role(connection)
        vendor.tokens.access.clear()
        with pytest.raises(AuthFailed) as raised:
            load_role(connection)
        assert "reconnect" in str(raised.value)
        assert "connections login helpdesk" in str(raised.value)

    def test_before_consent_the_error_names_the_connect_command(self, helpdesk, transport):
        with pytest.raises(AuthFailed, match="connections login helpdesk"):
            load_role(helpdesk(**BY_CODE))
        assert transport.requests == []

    def test_a_new_consent_reconnects_a_running_process(self, vendor, helpdesk, transport):
        running = redeem_code(helpdesk(**BY_CODE))
        load_role(running)
        vendor.tokens.access.clear()
        vendor.tokens.codes.add("another-code")
        redeem_code(running, "another-code")
        assert load_role(running) == "admin"
        assert grant_types(transport) == ["authorization_code", "authorization_code"]

    def test_the_consent_address(self, helpdesk):
        connection = helpdesk(**BY_CODE, scopes=["read", "tickets:write"])
        address = nps_connect_zendesk.nps_authorize(connection, None)
        assert address == (
            "https://exemple.zendesk.com/oauth/authorizations/new?response_type=code&client_id=nps_connect"
            "&redirect_uri=https%3A%2F%2Fnps.example.com%2Foauth&scope=read+tickets%3Awrite"
        )


def test_concurrent_threads_renew_once(vendor, helpdesk, transport, clock):
    connection = redeem_code(helpdesk(**BY_CODE))
    load_role(connection)
    clock.forward(timedelta(days=1))
    barrier = threading.Barrier(8)

    def call(_number):
        barrier.wait()
        return load_role(connection)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(call, range(8))) == ["admin"] * 8
    assert grant_types(transport) == ["authorization_code", "refresh_token"]


def test_two_workers_with_one_token_store_renew_once(vendor, helpdesk, transport, clock):
    first = redeem_code(helpdesk(**BY_CODE))
    load_role(first)
    second = connect(nps_connect_zendesk, {"subdomain": "exemple", **BY_CODE}, vendor, clock=clock, transport=transport)
    object.__setattr__(second, "tokens", first.tokens)
    second.http._client.auth._connection = second
    clock.forward(timedelta(days=1))
    assert [load_role(connection) for connection in (first, second, first)] == ["admin"] * 3
    assert grant_types(transport) == ["authorization_code", "refresh_token"]
