"""A refused call becomes the error that says what happens next, with all that a person needs to look into it."""

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


def refused(client, status, *, body=b"{}", headers=None, idempotent=False, call=None, **info):
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
def test_the_status_decides_and_the_error_tells_the_exchange(client, status, kind):
    error = refused(client, status, body=b'{"why": "no"}', headers={"X-Req": "r-9"}, request_id_header="X-Req")
    assert type(error) is kind
    assert (error.connection, error.action, error.status, error.request_id) == ("crm", "open_ticket", status, "r-9")
    assert error.exchange == {
        "method": "POST",
        "path": "/api/tickets/7",
        "status": status,
        "request_id": "r-9",
        "answer": '{"why": "no"}',
    }


def test_the_vendors_oddities_win_over_the_table(client):
    oddities = {423: StatusRule(error=RetryLater, after_seconds=2)}
    error = refused(client, 423, status_overrides=oddities)
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
def test_retry_after_is_read_from_the_answer(client, status, value, after):
    error = refused(client, status, headers={"Retry-After": value} if value else None)
    assert error.after == after
    if status == 429:
        assert error.until == (START + after if after else None)


def test_the_quota_that_the_call_counts_against_is_named(client):
    quotas = (Quota(calls=10, seconds=1), Quota(name="search", calls=4, seconds=1))
    error = refused(client, 429, quotas=quotas, call={"quota": "search"})
    assert error.quota == "search"


def test_the_plugin_can_refine_an_error_from_the_answer(client):
    def refine(error, answer, now):
        if answer.json_or_none() == {"missing": "tickets.write"}:
            return NotAllowed("the scope is missing", scope="tickets.write")
        if answer.status == 429:
            return RateLimited(error.message, until=now + timedelta(hours=1), quota="daily")
        return error

    error = refused(client, 403, body=b'{"missing": "tickets.write"}', refine=refine)
    assert (error.scope, error.status, error.connection) == ("tickets.write", 403, "crm")
    assert refused(client, 429, refine=refine).until == datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert type(refused(client, 400, refine=refine)) is Rejected


def test_a_plugin_that_stumbles_over_an_odd_answer_does_not_change_what_the_status_means(client):
    error = refused(client, 500, body=b"[]", refine=lambda _error, answer, _now: answer.json()["errors"][0])
    assert type(error) is OutcomeUnknown


def test_an_authentication_that_fails_while_it_is_renewed(client):
    class Renewing(httpx.Auth):
        def __init__(self, connection: Connection):
            self.connection = connection

        def auth_flow(self, request):
            answer = yield httpx.Request("POST", "http://127.0.0.1/token")
            raise AuthFailed(f"the grant is dead ({answer.status_code})")

    error = refused(client, 400, auth=Renewing)
    assert type(error) is AuthFailed
    assert (error.connection, error.action, error.message) == ("crm", "open_ticket", "the grant is dead (400)")


def test_a_long_answer_is_cut(client):
    error = refused(client, 400, body=b"x" * 100_000)
    assert len(error.exchange["answer"]) == 2000


def test_an_answer_that_is_not_text_is_told_all_the_same(client):
    assert "\ufffd" in refused(client, 400, body=b"\xff\xfe").exchange["answer"]
