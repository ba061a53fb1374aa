"""The outcome table: the error of each HTTP status."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from nps_connect.outcomes import error_for_status, parse_retry_after
from nps_connect.records.connectors import StatusRule
from nps_connect.records.vendor_responses import VendorResponse

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NOT_SUCCESS = [*range(300, 400), *range(400, 500), *range(500, 600)]
SPECIAL = {
    401: AuthFailed,
    403: NotAllowed,
    404: TargetGone,
    408: RetryLater,
    410: TargetGone,
    425: RetryLater,
    429: RateLimited,
    503: RetryLater,
}


def outcome(status, *, idempotent=False, overrides=None, after=None, quota="general"):
    return error_for_status(
        status, title="Acme", idempotent=idempotent, overrides=overrides or {}, after=after, quota=quota, now=NOW
    )


@pytest.mark.parametrize("status", NOT_SUCCESS)
@pytest.mark.parametrize("idempotent", [True, False])
def test_every_status_has_its_error(status, idempotent):
    if status in SPECIAL:
        expected = SPECIAL[status]
    elif status >= 500:
        expected = RetryLater if idempotent else OutcomeUnknown
    else:
        expected = Rejected
    error = outcome(status, idempotent=idempotent)
    assert type(error) is expected
    assert f"Acme answered {status}" in error.message


def test_a_rate_limit_names_its_quota_and_its_end():
    error = outcome(429, after=timedelta(seconds=30), quota="search")
    assert (error.quota, error.after, error.until) == ("search", timedelta(seconds=30), NOW + timedelta(seconds=30))


def test_a_rate_limit_without_retry_after_has_no_end():
    error = outcome(429)
    assert (error.after, error.until) == (None, None)


@pytest.mark.parametrize("status", [408, 425, 503])
def test_retry_after_is_passed_on(status):
    assert outcome(status, after=timedelta(seconds=9)).after == timedelta(seconds=9)


@pytest.mark.parametrize("status", [401, 423, 429, 500, 503])
def test_an_override_takes_precedence_over_the_table(status):
    error = outcome(status, overrides={status: StatusRule(error=TargetGone)})
    assert type(error) is TargetGone


@pytest.mark.parametrize(
    ("least", "after", "expected"),
    [(None, None, None), (None, 5, 5), (2, None, 2), (2, 5, 5), (8, 5, 8), (0, None, 0)],
)
def test_the_delay_of_an_override_is_a_minimum(least, after, expected):
    rule = StatusRule(error=RetryLater, after_seconds=least)
    error = outcome(423, overrides={423: rule}, after=None if after is None else timedelta(seconds=after))
    assert error.after == (None if expected is None else timedelta(seconds=expected))


def test_an_override_to_a_rate_limit_names_quota_and_end():
    rule = StatusRule(error=RateLimited, after_seconds=10)
    error = outcome(420, overrides={420: rule}, quota="search")
    assert (error.quota, error.until) == ("search", NOW + timedelta(seconds=10))


@given(st.integers(300, 599), st.booleans())
def test_a_call_that_may_have_been_applied_is_in_doubt(status, idempotent):
    error = outcome(status, idempotent=idempotent)
    if isinstance(error, RetryLater) and not idempotent:
        assert status in {408, 425, 429, 503}
    assert isinstance(error, DeliveryError)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Mon, 02 Mar 2026 09:00:00 GMT", NOW),
        ("Mon, 02 Mar 2026 10:00:00 +0100", NOW),
        ("Mon, 02 Mar 2026 09:00:00", NOW),
        ("Mon, 02 Mar 2026 09:00:00 -0000", NOW),
        ("Mon, 02 Mar 2026 09:00:00 GMT, Mon, 02 Mar 2026 09:00:00 GMT", NOW),
        ("", None),
        ("yesterday", None),
        ("Mon, 02 Mar 99999 09:00:00 GMT", None),
        ("Mon, 02 Mar 2026 09:00:00 +9999", None),
    ],
)
def test_the_date_of_a_response_is_utc_or_unknown(value, expected):
    assert VendorResponse(200, {"date": value}, b"").sent_at == expected
    assert VendorResponse(200, {}, b"").sent_at is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        ("86400", 86400),
        ("86401", 86400),
        ("9" * 400, 86400),
        ("Mon, 02 Mar 2026 09:02:00 GMT", 120),
        ("Mon, 02 Mar 2026 10:02:00 +0100", 120),
        ("Mon, 02 Mar 2026 08:00:00 GMT", 0),
        ("Fri, 02 Mar 2096 09:00:00 GMT", 86400),
        ("Monday, 02-Mar-26 09:02:00 GMT", 120),
        ("Mon Mar  2 09:02:00 2026", 120),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
        ("Mon, 99 Mar 2026 09:00:00 GMT", None),
        ("Mon, 02 Mar 99999 09:00:00 GMT", None),
    ],
)
def test_parse_retry_after(value, seconds):
    assert parse_retry_after(value, NOW) == (None if seconds is None else timedelta(seconds=seconds))


@given(st.text())
def test_any_retry_after_is_a_bounded_delay_or_none(value):
    wait = parse_retry_after(value, NOW)
    assert wait is None or timedelta(0) <= wait <= timedelta(days=1)


@given(
    st.from_regex(r"(Mon, )?\d{1,2} (Mar|Xyz) \d{1,6} \d{1,2}:\d{1,2}:\d{1,2} ([A-Z]{1,4}|[+-]\d{1,8})", fullmatch=True)
)
def test_any_date_is_a_bounded_delay_or_none(value):
    wait = parse_retry_after(value, NOW)
    assert wait is None or timedelta(0) <= wait <= timedelta(days=1)


@given(st.datetimes(NOW.replace(tzinfo=None), (NOW + timedelta(days=1)).replace(tzinfo=None), timezones=st.just(UTC)))
def test_a_date_within_a_day_is_exact_to_the_second(moment):
    assert parse_retry_after(format_datetime(moment, usegmt=True), NOW) == moment.replace(microsecond=0) - NOW
