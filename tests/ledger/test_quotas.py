"""Quotas: all workers together stay within what the vendor allows, wherever its window begins."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.clock import START

from nps_connect import Quota, RateLimited
from nps_connect.ledger.quotas import LedgerGate

QUOTA = Quota(calls=100, seconds=10, remaining_header="X-Left", reset_header="X-Reset")


@pytest.fixture
def gate(ledger, clock) -> LedgerGate:
    return LedgerGate(ledger, clock)


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
    another = LedgerGate(ledger, clock)
    with pytest.raises(RateLimited) as caught:
        another.before("crm", QUOTA)
    assert caught.value.until == START + timedelta(seconds=30)
    clock.forward("30s")
    assert another.before("crm", QUOTA) < 2


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
