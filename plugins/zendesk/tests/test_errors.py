"""Every error body of Zendesk becomes the right error class, with its reason."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect import (
    AuthFailed,
    DeliveryError,
    NotAllowed,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RetryLater,
    TargetGone,
    VendorResponse,
)
from nps_connect.testing import START
from nps_connect_zendesk.errors import IdempotencyKeyReused, RequesterRejected, ValuesRejected, parse_error, refine

RECORD_INVALID = {
    "error": "RecordInvalid",
    "description": "Record validation errors",
    "details": {"group": [{"description": "Group: is invalid", "error": "InvalidValue"}]},
}
SUSPENDED = {
    "error": "RecordInvalid",
    "description": "Record validation errors",
    "details": {"requester": [{"description": "Requester: Ada is suspended."}]},
}
PER_USER = (
    b"You have exceeded the rate limit for updating a single unique user. Please wait before trying to update the user."
)


def raised_error(make_scripted_connection, status, body=b"", headers=None, *, idempotent=True, quota="general"):
    connection, _ = make_scripted_connection(status, body, headers)
    with pytest.raises(DeliveryError) as raised:
        connection.http.call("PUT", "/api/v2/x", action="test", idempotent=idempotent, quota=quota)
    return raised.value


@pytest.mark.parametrize(
    ("status", "body", "kind", "text"),
    [
        (422, RECORD_INVALID, ValuesRejected, "Group: is invalid"),
        (422, SUSPENDED, RequesterRejected, "is suspended"),
        (422, {"error": "RecordInvalid", "details": {"email": [{"description": "Email: x is bad"}]}}, RequesterRejected, ""),
        (404, {"error": "RecordNotFound", "description": "Not found"}, TargetGone, "Not found"),
        (404, {"error": {"title": "Not found", "message": "There is no help desk here"}}, TargetGone, "There is no"),
        (404, b"<html><h1>No help desk at nowhere.zendesk.com</h1></html>", AuthFailed, "check subdomain"),
        (401, {"error": "Couldn't authenticate you"}, AuthFailed, ""),
        (401, {"error": "invalid_token", "error_description": "The access token expired"}, AuthFailed, "expired"),
        (403, {"error": {"title": "Forbidden", "message": "You do not have access"}}, NotAllowed, "do not have access"),
        (400, {"error": {"title": "Invalid attribute", "message": "Bad ticket"}}, Rejected, "Bad ticket"),
        (400, {"errors": [{"code": "InvalidAttribute", "title": "Invalid", "detail": "name is missing"}]}, Rejected, "name is missing"),
        (400, {"error": "IdempotentRequestError", "description": "Request parameters don't match"}, IdempotencyKeyReused, "match"),
        (409, {"error": "UpdateConflict", "description": "Safe Update prevented"}, RetryLater, "Safe Update"),
        (422, {"error": "unavailable", "description": "Sorry, we could not complete your search query"}, RetryLater, "search"),
        (503, {"error": "unavailable", "description": "busy"}, RetryLater, "busy"),
        (500, b"<html>oops</html>", RetryLater, "500"),
        (400, b"plain words", Rejected, "plain words"),
    ],
)  # fmt: skip
def test_error_classes_of_bodies(make_scripted_connection, status, body, kind, text):
    error = raised_error(make_scripted_connection, status, body)
    assert type(error) is kind
    assert text in str(error)
    assert error.status == status


def test_a_5xx_of_a_call_that_is_not_idempotent_is_in_doubt(make_scripted_connection):
    assert isinstance(raised_error(make_scripted_connection, 502, idempotent=False), OutcomeUnknown)


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("You are missing the following required scopes: tickets:write", "tickets:write"),
        ("You are missing the following required scopes: groups:read, read", "groups:read, read"),
        ("You do not have access to this page.", None),
    ],
)
def test_the_missing_scope_is_named(make_scripted_connection, text, scope):
    assert raised_error(make_scripted_connection, 403, {"error": "Forbidden", "description": text}).scope == scope


class TestTooManyCalls:
    @pytest.mark.parametrize("quota", ["user_update", "ticket_update", "general"])
    def test_plain_text_without_retry_after_pauses_for_a_minute(self, make_scripted_connection, quota):
        error = raised_error(make_scripted_connection, 429, PER_USER, {"content-type": "text/plain"}, quota=quota)
        assert isinstance(error, RateLimited)
        assert error.after == timedelta(seconds=60)
        assert error.until == START + timedelta(seconds=60)
        assert error.quota == quota
        assert "single unique user" in str(error)

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [("93", 93), ("0", 0), ("Mon, 02 Mar 2026 09:00:30 GMT", 30), ("soon", 60), ("-1", 60)],
    )
    def test_retry_after_is_used(self, make_scripted_connection, value, seconds):
        body = {"error": "TooManyJobs", "description": "Too many jobs"}
        error = raised_error(make_scripted_connection, 429, body, {"retry-after": value})
        assert error.until == START + timedelta(seconds=seconds)

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", {"error": ["odd"]}])
    def test_any_body_of_a_429_is_a_rate_limit(self, make_scripted_connection, body):
        assert isinstance(raised_error(make_scripted_connection, 429, body), RateLimited)


def test_the_message_contains_no_addresses_and_secrets(make_scripted_connection):
    body = {"error": "RecordInvalid", "details": {"email": [{"description": "Email: ada@example.com is taken"}]}}
    error = raised_error(make_scripted_connection, 422, body)
    assert "ada@example.com" not in str(error)
    assert "ada@example.com" not in json.dumps(error.exchange)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "errors", "details", "description", "message", "title", "code", "x"]), inner
        )
    ),
    max_leaves=10,
)


@given(st.binary(max_size=40) | json_values.map(lambda value: json.dumps(value).encode()), st.integers(400, 599))
def test_any_body_is_parsed(body, status):
    response = VendorResponse(status, {}, body)
    assert isinstance(parse_error(response).text, str)
    assert isinstance(refine(Rejected("Zendesk answered"), response, START), DeliveryError)
