"""An error response becomes the `DeliveryError` of its status, with the redacted exchange."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from nps_connect.connection import Connection
from nps_connect.errors import (
    AuthFailed,
    DeliveryError,
    NotAllowed,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RetryLater,
    TargetGone,
)
from nps_connect.records.connectors import Quota, StatusRule
from nps_connect.testing import START


def call_and_catch(client, status, *, body=b"{}", headers=None, idempotent=False, call=None, **info):
    answer = httpx.MockTransport(lambda _request: httpx.Response(status, content=body, headers=headers))
    with pytest.raises(DeliveryError) as raised:
        client(transport=answer, **info).call(
            "POST", "/tickets/7", action="open_ticket", idempotent=idempotent, **(call or {})
        )
    return raised.value


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected),
        (401, AuthFailed),
        (403, NotAllowed),
        (404, TargetGone),
        (409, Rejected),
        (422, Rejected),
        (429, RateLimited),
        (500, OutcomeUnknown),
        (503, RetryLater),
    ],
)
def test_the_status_selects_the_error_and_the_exchange_is_attached(client, status, kind):
    error = call_and_catch(client, status, body=b'{"why": "no"}', headers={"X-Req": "r-9"}, request_id_header="X-Req")
    assert type(error) is kind
    assert (error.connection, error.action, error.status, error.request_id) == ("crm", "open_ticket", status, "r-9")
    assert error.exchange == {
        "method": "POST",
        "path": "/api/tickets/7",
        "status": status,
        "request_id": "r-9",
        "answer": '{"why": "no"}',
    }


def test_status_overrides_take_precedence_over_the_table(client):
    oddities = {423: StatusRule(error=RetryLater, after_seconds=2)}
    error = call_and_catch(client, 423, status_overrides=oddities)
    assert type(error) is RetryLater
    assert error.after == timedelta(seconds=2)


@pytest.mark.parametrize(
    ("value", "after"),
    [
        ("7", timedelta(seconds=7)),
        ("Mon, 02 Mar 2026 09:01:00 GMT", timedelta(minutes=1)),
        ("soon", None),
        (None, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_read_from_the_response(client, status, value, after):
    error = call_and_catch(client, status, headers={"Retry-After": value} if value else None)
    assert error.after == after
    if status == 429:
        assert error.until == (START + after if after else None)


def test_a_rate_limit_names_the_quota_of_the_call(client):
    quotas = (Quota(calls=10, seconds=1), Quota(name="search", calls=4, seconds=1))
    error = call_and_catch(client, 429, quotas=quotas, call={"quota": "search"})
    assert error.quota == "search"


def test_a_plugin_can_refine_the_error(client):
    def refine(error, response, now):
        if response.json_or_none() == {"missing": "tickets.write"}:
            return NotAllowed("the scope is missing", scope="tickets.write")
        if response.status == 429:
            return RateLimited(error.message, until=now + timedelta(hours=1), quota="daily")
        return error

    error = call_and_catch(client, 403, body=b'{"missing": "tickets.write"}', refine=refine)
    assert (error.scope, error.status, error.connection) == ("tickets.write", 403, "crm")
    assert call_and_catch(client, 429, refine=refine).until == datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert type(call_and_catch(client, 400, refine=refine)) is Rejected


def test_an_exception_in_refine_keeps_the_error_of_the_status(client):
    error = call_and_catch(client, 500, body=b"[]", refine=lambda _error, answer, _now: answer.json()["errors"][0])
    assert type(error) is OutcomeUnknown


def test_an_error_while_refreshing_the_authentication_is_raised(client):
    class Renewing(httpx.Auth):
        def __init__(self, connection: Connection):
            self.connection = connection

        def auth_flow(self, request):
            answer = yield httpx.Request("POST", "http://127.0.0.1/token")
            raise AuthFailed(f"the grant is dead ({answer.status_code})")

    error = call_and_catch(client, 400, auth=Renewing)
    assert type(error) is AuthFailed
    assert (error.connection, error.action, error.message) == ("crm", "open_ticket", "the grant is dead (400)")


def test_a_long_response_is_truncated_in_the_exchange(client):
    error = call_and_catch(client, 400, body=b"x" * 100_000)
    assert len(error.exchange["answer"]) == 2000


def test_a_binary_response_is_shown_in_the_exchange(client):
    assert "\ufffd" in call_and_catch(client, 400, body=b"\xff\xfe").exchange["answer"]
