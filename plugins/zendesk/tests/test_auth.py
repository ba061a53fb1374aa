"""Signing in: fixed token, legacy API token, OAuth client with rotating refresh, one renewal at a time."""

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


def signed_in(connection, code=AUTHORIZATION_CODE):
    """The connection after an admin's consent."""
    nps_connect_zendesk.nps_authorize(connection, code)
    return connection


def me(connection):
    return connection.http.call_json("GET", "/api/v2/users/me", action="test", idempotent=True)["user"]["role"]


def stored(connection):
    return json.loads(connection.tokens.read(TOKEN_STORE_KEY))


def grants(transport):
    return [json.loads(one.body)["grant_type"] for one in transport.requests if one.path == "/oauth/tokens"]


def test_a_fixed_access_token(helpdesk, transport):
    assert me(helpdesk()) == "admin"
    assert transport.requests[0].headers["authorization"] == "Bearer sandbox-zendesk-token"


def test_the_legacy_api_token_until_its_end(helpdesk, transport, clock):
    connection = helpdesk(email="agent@example.com", api_token=API_TOKEN)
    assert me(connection) == "admin"
    pair = base64.b64decode(transport.requests[0].headers["authorization"].removeprefix("Basic ")).decode()
    assert pair == f"agent@example.com/token:{API_TOKEN}"
    clock.forward(timedelta(days=430))
    with pytest.raises(AuthFailed):
        me(connection)


class TestClientCredentials:
    def test_one_token_serves_many_calls(self, helpdesk, transport):
        connection = helpdesk(**CLIENT, scopes=["read", "write"])
        assert [me(connection) for _ in range(3)] == ["admin"] * 3
        assert grants(transport) == ["client_credentials"]
        asked = json.loads(transport.requests[0].body)
        assert (asked["scope"], asked["expires_in"]) == ("read write", 86_400)

    def test_it_is_renewed_before_it_ends(self, helpdesk, transport, clock):
        connection = helpdesk(**CLIENT)
        me(connection)
        clock.forward(timedelta(hours=23, minutes=56))
        assert me(connection) == "admin"
        assert grants(transport) == ["client_credentials"] * 2

    def test_a_revoked_token_is_replaced_at_once(self, vendor, helpdesk, transport):
        connection = helpdesk(**CLIENT)
        me(connection)
        vendor.tokens.access.clear()
        assert me(connection) == "admin"
        assert len(grants(transport)) == 2

    def test_a_body_is_sent_again_with_the_new_token(self, vendor, helpdesk, draft):
        connection = helpdesk(**CLIENT)
        me(connection)
        vendor.tokens.access.clear()
        (receipt,) = nps_connect_zendesk.nps_open_tickets(connection, [draft()])
        assert vendor.effects().tickets == {"ada@example.com": [receipt.id]}

    def test_a_wrong_secret_holds_the_connection(self, helpdesk):
        with pytest.raises(AuthFailed, match="client_id, client_secret"):
            me(helpdesk(client_id=CLIENT_ID, client_secret="wrong-secret"))

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_a_token_endpoint_in_trouble_is_tried_again(self, answering, status):
        with pytest.raises(RetryLater):
            me(answering(status, **CLIENT)[0])

    @pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"access_token": 7}', b"<html>"])
    def test_an_answer_without_a_token_is_no_token(self, answering, body):
        with pytest.raises(AuthFailed):
            me(answering(200, body, **CLIENT)[0])

    def test_workers_share_the_stored_token(self, vendor, helpdesk, transport):
        first = helpdesk(**CLIENT)
        me(first)
        second = helpdesk(**CLIENT, tokens={TOKEN_STORE_KEY: first.tokens.read(TOKEN_STORE_KEY)})
        assert me(second) == "admin"
        assert len(grants(transport)) == 1

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"x": 1}'])
    def test_a_spoilt_store_is_filled_anew(self, helpdesk, text):
        assert me(helpdesk(**CLIENT, tokens={TOKEN_STORE_KEY: text})) == "admin"

    def test_secrets_and_tokens_stay_out_of_errors(self, vendor, helpdesk):
        connection = helpdesk(**CLIENT)
        me(connection)
        token = stored(connection)["access_token"]
        with pytest.raises(DeliveryError) as caught:
            connection.http.call("GET", f"/api/v2/x/{token}", action="test", idempotent=True)
        assert token not in str(caught.value) + repr(caught.value.exchange)
        assert CLIENT_SECRET not in repr(connection.settings)


class TestAuthorizationCode:
    def test_nps_authorize_redeems_a_code_once_and_refreshes_ever_after(self, helpdesk, transport, clock):
        connection = signed_in(helpdesk(**BY_CODE), f" {AUTHORIZATION_CODE}\n")
        for _ in range(3):
            assert me(connection) == "admin"
            clock.forward(timedelta(days=1))
        assert grants(transport) == ["authorization_code", "refresh_token", "refresh_token"]
        asked = json.loads(transport.requests[0].body)
        assert (asked["code"], asked["redirect_uri"]) == (AUTHORIZATION_CODE, "https://nps.example.com/oauth")
        assert "authorization" not in transport.requests[0].headers

    def test_nps_authorize_needs_nobody_where_the_client_signs_in_for_itself(self, helpdesk, transport):
        assert nps_connect_zendesk.nps_authorize(helpdesk(**CLIENT), None) is None
        assert nps_connect_zendesk.nps_authorize(helpdesk(), None) is None
        assert transport.requests == []

    @pytest.mark.parametrize("code", ["wrong", AUTHORIZATION_CODE])
    def test_a_code_that_is_wrong_or_used_is_told(self, helpdesk, code):
        signed_in(helpdesk(**BY_CODE))
        connection = helpdesk(**BY_CODE)
        with pytest.raises(AuthFailed, match="good once and for two minutes"):
            nps_connect_zendesk.nps_authorize(connection, code)
        assert connection.tokens.read(TOKEN_STORE_KEY) is None

    def test_a_bad_code_leaves_the_pair_that_works(self, helpdesk):
        connection = signed_in(helpdesk(**BY_CODE))
        with pytest.raises(AuthFailed):
            nps_connect_zendesk.nps_authorize(connection, "wrong")
        assert me(connection) == "admin"

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_a_token_endpoint_in_trouble_is_told_as_such(self, answering, status):
        with pytest.raises(DeliveryError) as caught:
            nps_connect_zendesk.nps_authorize(answering(status, **BY_CODE)[0], AUTHORIZATION_CODE)
        assert not isinstance(caught.value, AuthFailed)

    @pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"access_token": 7}'])
    def test_an_answer_without_tokens_is_none(self, answering, body):
        with pytest.raises(AuthFailed, match="begin again"):
            nps_connect_zendesk.nps_authorize(answering(200, body, **BY_CODE)[0], AUTHORIZATION_CODE)

    def test_the_new_pair_is_stored_before_it_is_used(self, vendor, helpdesk, clock):
        connection = signed_in(helpdesk(**BY_CODE))
        before = stored(connection)
        clock.forward(timedelta(days=1))
        seen = []
        answer = vendor.handle

        def watched(request):
            if request.path.endswith("/users/me"):
                seen.append((request.headers["authorization"], stored(connection)["access_token"]))
            return answer(request)

        vendor.handle = watched
        me(connection)
        assert seen == [(f"Bearer {stored(connection)['access_token']}", stored(connection)["access_token"])]
        assert stored(connection)["refresh_token"] != before["refresh_token"]

    def test_another_process_goes_on_with_the_stored_pair(self, helpdesk, transport, clock):
        first = signed_in(helpdesk(**BY_CODE))
        clock.forward(timedelta(days=1))
        second = helpdesk(**BY_CODE, tokens={TOKEN_STORE_KEY: first.tokens.read(TOKEN_STORE_KEY)})
        assert me(second) == "admin"
        assert grants(transport) == ["authorization_code", "refresh_token"]

    def test_a_dead_grant_says_reconnect_and_how(self, vendor, helpdesk):
        connection = signed_in(helpdesk(**BY_CODE))
        me(connection)
        vendor.tokens.access.clear()
        with pytest.raises(AuthFailed) as caught:
            me(connection)
        assert "reconnect" in str(caught.value)
        assert "connections login helpdesk" in str(caught.value)

    def test_before_anybody_has_consented_it_says_how_to_connect(self, helpdesk, transport):
        with pytest.raises(AuthFailed, match="connections login helpdesk"):
            me(helpdesk(**BY_CODE))
        assert transport.requests == []

    def test_a_new_consent_reconnects_a_running_process(self, vendor, helpdesk, transport):
        running = signed_in(helpdesk(**BY_CODE))
        me(running)
        vendor.tokens.access.clear()
        vendor.tokens.codes.add("another-code")
        signed_in(running, "another-code")
        assert me(running) == "admin"
        assert grants(transport) == ["authorization_code", "authorization_code"]

    def test_the_address_for_consent(self, helpdesk):
        connection = helpdesk(**BY_CODE, scopes=["read", "tickets:write"])
        address = nps_connect_zendesk.nps_authorize(connection, None)
        assert address == (
            "https://exemple.zendesk.com/oauth/authorizations/new?response_type=code&client_id=nps_connect"
            "&redirect_uri=https%3A%2F%2Fnps.example.com%2Foauth&scope=read+tickets%3Awrite"
        )


def test_many_threads_renew_once(vendor, helpdesk, transport, clock):
    connection = signed_in(helpdesk(**BY_CODE))
    me(connection)
    clock.forward(timedelta(days=1))
    together = threading.Barrier(8)

    def call(_number):
        together.wait()
        return me(connection)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(call, range(8))) == ["admin"] * 8
    assert grants(transport) == ["authorization_code", "refresh_token"]


def test_two_workers_with_one_store_renew_once(vendor, helpdesk, transport, clock):
    first = signed_in(helpdesk(**BY_CODE))
    me(first)
    second = connect(nps_connect_zendesk, {"subdomain": "exemple", **BY_CODE}, vendor, clock=clock, transport=transport)
    object.__setattr__(second, "tokens", first.tokens)
    second.http._client.auth._connection = second
    clock.forward(timedelta(days=1))
    assert [me(one) for one in (first, second, first)] == ["admin"] * 3
    assert grants(transport) == ["authorization_code", "refresh_token"]
