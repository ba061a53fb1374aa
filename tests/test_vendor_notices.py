"""Notices in a vendor's response headers: its clock, and announced ends (RFC 8594, RFC 9745)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nps_connect.vendor_notices import VendorNotices, parse_announced_end

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SUNSET = "Wed, 01 Jul 2026 00:00:00 GMT"
SUNSET_AT = datetime(2026, 7, 1, tzinfo=UTC)


def test_the_clock_skew_is_that_of_the_last_response():
    notices = VendorNotices()
    assert notices.clock_skew is None
    notices.record("check", {"date": "Mon, 02 Mar 2026 09:00:00 GMT"}, NOW + timedelta(minutes=3))
    assert notices.clock_skew == timedelta(minutes=3)
    notices.record("check", {}, NOW)
    assert notices.clock_skew == timedelta(minutes=3)
    notices.record("check", {"date": "soon"}, NOW)
    assert notices.clock_skew is None


@pytest.mark.parametrize(
    ("headers", "deprecated_at", "ends_at", "link"),
    [
        ({"sunset": SUNSET}, None, SUNSET_AT, None),
        ({"deprecation": "@1767225600"}, datetime(2026, 1, 1, tzinfo=UTC), None, None),
        ({"deprecation": "true", "sunset": "later"}, None, None, None),
        ({"deprecation": "@99999999999999"}, None, None, None),
        (
            {"sunset": SUNSET, "link": '<https://a.example.com>; rel="next", <https://b.example.com/x>; rel="sunset"'},
            None,
            SUNSET_AT,
            "https://b.example.com/x",
        ),
        (
            {"deprecation": "true", "link": "<https://b.example.com>; rel=deprecation"},
            None,
            None,
            "https://b.example.com",
        ),
    ],
)
def test_announced_ends_are_read_from_headers(headers, deprecated_at, ends_at, link):
    assert parse_announced_end("poll", headers) == ("poll", deprecated_at, ends_at, link)


def test_an_announcement_is_reported_once_a_day():
    notices = VendorNotices()

    def report(at):
        notices.record("poll", {"sunset": SUNSET}, at)
        notices.record("check", {"date": "x"}, at)
        return [end.action for end in notices.take_unreported(at)]

    assert report(NOW) == ["poll"]
    assert report(NOW + timedelta(hours=23)) == []
    assert report(NOW + timedelta(hours=25)) == ["poll"]
    assert list(notices.take_unreported(NOW + timedelta(days=9))) == []
