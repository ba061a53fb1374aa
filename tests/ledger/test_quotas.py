"""Quotas: all workers together stay within the vendor's limit, whenever its window starts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.clock import START

from nps_connect import Quota, RateLimited
from nps_connect.ledger.quotas import LedgerRateLimiter, pause_quota

QUOTA = Quota(calls=100, seconds=10, remaining_header="X-Left", reset_header="X-Reset")


@pytest.fixture
def limiter(ledger, clock) -> LedgerRateLimiter:
    return LedgerRateLimiter(ledger, clock)


def test_no_window_of_the_vendor_sees_more_calls_than_allowed(limiter, clock):
    calls = []
    while clock.now < START + timedelta(seconds=25):
        clock.sleep(limiter.acquire("crm", QUOTA))
        calls.append((clock.now - START).total_seconds())
    for begin in calls:
        assert sum(begin <= at < begin + QUOTA.seconds for at in calls) <= QUOTA.calls
    assert len(calls) >= 0.95 * 25 * QUOTA.calls / QUOTA.seconds


def test_each_connection_has_its_own_quota(limiter):
    for _ in range(4):
        assert limiter.acquire("crm", QUOTA) == 0
    assert limiter.acquire("other", QUOTA) == 0


def test_quota_headers_pause_all_workers(ledger, limiter, clock):
    limiter.acquire("crm", QUOTA)
    limiter.record_headers("crm", QUOTA, {"x-left": "0", "x-reset": "30"})
    another = LedgerRateLimiter(ledger, clock)
    with pytest.raises(RateLimited) as caught:
        another.acquire("crm", QUOTA)
    assert caught.value.until == START + timedelta(seconds=30)
    clock.forward("30s")
    assert another.acquire("crm", QUOTA) < 2


def test_a_pause_of_the_outer_quota_stops_the_inner_one_but_not_the_reverse(ledger, limiter):
    search = Quota(name="search", calls=4, seconds=1, within="general")
    with ledger.write() as session:
        pause_quota(session, "crm", "search", until=START + timedelta(seconds=1))
    assert limiter.acquire("crm", QUOTA) == 0
    with ledger.write() as session:
        pause_quota(session, "crm", "general", until=START + timedelta(hours=9))
    with pytest.raises(RateLimited) as caught:
        limiter.acquire("crm", search)
    assert (caught.value.until, caught.value.quota) == (START + timedelta(hours=9), "search")
    assert limiter.acquire("other", search) == 0


@pytest.mark.parametrize("headers", [{}, {"x-left": "7"}, {"x-left": "many"}, {"x-left": ""}])
def test_headers_that_do_not_say_zero_are_ignored(limiter, headers):
    limiter.record_headers("crm", QUOTA, headers)
    assert limiter.acquire("crm", QUOTA) == 0


def test_a_long_wait_raises_rate_limited(limiter):
    slow = Quota(name="daily", calls=1, seconds=3600)
    limiter.acquire("crm", slow)
    with pytest.raises(RateLimited) as caught:
        limiter.acquire("crm", slow)
    assert caught.value.until > START + timedelta(minutes=50)


def count_calls(limiter: LedgerRateLimiter, clock, quota: Quota, seconds: int) -> int:
    """Return the number of calls made in so many seconds."""
    end, calls = clock.now + timedelta(seconds=seconds), 0
    while clock.now < end:
        clock.sleep(limiter.acquire("crm", quota))
        calls += 1
    return calls


def test_only_the_configured_share_is_used(limiter, clock):
    assert 0.9 * 250 <= count_calls(limiter, clock, QUOTA.model_copy(update={"share": 0.5}), 50) <= 250


def test_a_lower_limit_from_a_header_applies_with_the_share(limiter, clock):
    quota = QUOTA.model_copy(update={"limit_header": "X-Limit", "share": 0.5})
    limiter.record_headers("crm", quota, {"x-limit": "40"})
    assert 0.9 * 100 <= count_calls(limiter, clock, quota, 50) <= 100


@pytest.mark.parametrize("limit", ["1000", "0", "-5", "many", ""])
def test_a_higher_or_invalid_limit_is_ignored(limiter, clock, limit):
    quota = QUOTA.model_copy(update={"limit_header": "X-Limit"})
    limiter.record_headers("crm", quota, {"x-limit": limit})
    assert 0.9 * 200 <= count_calls(limiter, clock, quota, 20) <= 200


def test_a_limit_applies_to_its_connection_only(limiter, clock):
    quota = QUOTA.model_copy(update={"limit_header": "X-Limit"})
    limiter.record_headers("other", quota, {"x-limit": "10"})
    assert count_calls(limiter, clock, quota, 20) >= 0.9 * 200
