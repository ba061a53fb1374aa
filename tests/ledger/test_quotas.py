"""Quotas: all workers together stay within what the vendor allows, wherever its window begins."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.clock import START

from nps_connect import Quota, RateLimited
from nps_connect.ledger.quotas import LedgerRateLimiter, pause_quota

QUOTA = Quota(calls=100, seconds=10, remaining_header="X-Left", reset_header="X-Reset")


@pytest.fixture
def gate(ledger, clock) -> LedgerRateLimiter:
    return LedgerRateLimiter(ledger, clock)


def test_no_window_of_the_vendor_sees_more_calls_than_it_allows(gate, clock):
    calls = []
    while clock.now < START + timedelta(seconds=25):
        clock.sleep(gate.before("crm", QUOTA))
        calls.append((clock.now - START).total_seconds())
    for begin in calls:
        assert sum(begin <= at < begin + QUOTA.seconds for at in calls) <= QUOTA.calls
    assert len(calls) >= 0.95 * 25 * QUOTA.calls / QUOTA.seconds


def test_connections_do_not_share_a_quota(gate):
    for _ in range(4):
        assert gate.before("crm", QUOTA) == 0
    assert gate.before("other", QUOTA) == 0


def test_the_vendors_own_headers_make_everybody_rest(ledger, gate, clock):
    gate.before("crm", QUOTA)
    gate.after("crm", QUOTA, {"x-left": "0", "x-reset": "30"})
    another = LedgerRateLimiter(ledger, clock)
    with pytest.raises(RateLimited) as caught:
        another.before("crm", QUOTA)
    assert caught.value.until == START + timedelta(seconds=30)
    clock.forward("30s")
    assert another.before("crm", QUOTA) < 2


def test_the_rest_of_a_quota_around_another_stops_both_and_not_the_other_way_round(ledger, gate):
    search = Quota(name="search", calls=4, seconds=1, within="general")
    with ledger.write() as session:
        pause_quota(session, "crm", "search", until=START + timedelta(seconds=1))
    assert gate.before("crm", QUOTA) == 0
    with ledger.write() as session:
        pause_quota(session, "crm", "general", until=START + timedelta(hours=9))
    with pytest.raises(RateLimited) as caught:
        gate.before("crm", search)
    assert (caught.value.until, caught.value.quota) == (START + timedelta(hours=9), "search")
    assert gate.before("other", search) == 0


@pytest.mark.parametrize("headers", [{}, {"x-left": "7"}, {"x-left": "many"}, {"x-left": ""}])
def test_other_headers_change_nothing(gate, headers):
    gate.after("crm", QUOTA, headers)
    assert gate.before("crm", QUOTA) == 0


def test_a_long_wait_goes_back_to_the_ledger(gate):
    slow = Quota(name="daily", calls=1, seconds=3600)
    gate.before("crm", slow)
    with pytest.raises(RateLimited) as caught:
        gate.before("crm", slow)
    assert caught.value.until > START + timedelta(minutes=50)


def flow(gate: LedgerRateLimiter, clock, quota: Quota, seconds: int) -> int:
    """How many calls go out in so many seconds of work."""
    end, calls = clock.now + timedelta(seconds=seconds), 0
    while clock.now < end:
        clock.sleep(gate.before("crm", quota))
        calls += 1
    return calls


def test_a_share_leaves_the_rest_to_others(gate, clock):
    assert 0.9 * 250 <= flow(gate, clock, QUOTA.model_copy(update={"share": 0.5}), 50) <= 250


def test_a_lower_limit_that_the_vendor_tells_is_followed_and_shared(gate, clock):
    quota = QUOTA.model_copy(update={"limit_header": "X-Limit", "share": 0.5})
    gate.after("crm", quota, {"x-limit": "40"})
    assert 0.9 * 100 <= flow(gate, clock, quota, 50) <= 100


@pytest.mark.parametrize("told", ["1000", "0", "-5", "many", ""])
def test_a_higher_or_senseless_limit_changes_nothing(gate, clock, told):
    quota = QUOTA.model_copy(update={"limit_header": "X-Limit"})
    gate.after("crm", quota, {"x-limit": told})
    assert 0.9 * 200 <= flow(gate, clock, quota, 20) <= 200


def test_the_limit_of_another_connection_is_its_own(gate, clock):
    quota = QUOTA.model_copy(update={"limit_header": "X-Limit"})
    gate.after("other", quota, {"x-limit": "10"})
    assert flow(gate, clock, quota, 20) >= 0.9 * 200
