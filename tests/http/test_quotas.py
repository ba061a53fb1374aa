"""The client acquires its quota before each call and reports the quota headers of each response."""

from datetime import timedelta

import httpx
import pytest

from nps_connect.errors import RateLimited
from nps_connect.http import UnlimitedRate
from nps_connect.records.connectors import Quota
from nps_connect.testing import START

GENERAL = Quota(calls=10, seconds=1)
SEARCH = Quota(name="search", calls=4, seconds=1)


class ScriptedRateLimiter:
    """Returns the given waits in order and records its calls."""

    def __init__(self, *waits):
        self.waits = list(waits)
        self.acquired = []
        self.recorded = []

    def acquire(self, connection, quota):
        self.acquired.append((connection, quota.name))
        wait = self.waits.pop(0)
        if isinstance(wait, Exception):
            raise wait
        return wait

    def record_headers(self, connection, quota, headers):
        self.recorded.append((connection, quota.name, headers.get("x-remaining")))


def answering(status, requests=None):
    def handle(request):
        if requests is not None:
            requests.append(request)
        return httpx.Response(status, json={}, headers={"X-Remaining": "3"})

    return httpx.MockTransport(handle)


def look(vendor_client, **options):
    return vendor_client.call("GET", "/x", action="look", idempotent=True, **options)


def test_a_call_sleeps_for_the_wait_that_the_rate_limiter_returns(client, clock):
    limiter = ScriptedRateLimiter(0.0, 0.25)
    vendor_client = client(transport=answering(200), client={"rate_limiter": limiter}, quotas=(GENERAL,))
    look(vendor_client)
    assert clock.slept == []
    look(vendor_client)
    assert clock.slept == [0.25]
    assert limiter.acquired == [("crm", "general")] * 2


def test_quota_headers_are_recorded_on_success_and_on_error(client):
    limiter = ScriptedRateLimiter(0, 0)
    look(client(transport=answering(200), client={"rate_limiter": limiter}, quotas=(GENERAL,)))
    with pytest.raises(RateLimited):
        look(client(transport=answering(429), client={"rate_limiter": limiter}, quotas=(GENERAL,)))
    assert limiter.recorded == [("crm", "general", "3")] * 2


def test_each_call_counts_against_the_quota_it_names(client):
    limiter = ScriptedRateLimiter(0)
    look(client(transport=answering(200), client={"rate_limiter": limiter}, quotas=(GENERAL, SEARCH)), quota="search")
    assert limiter.acquired == [("crm", "search")]


def test_an_exhausted_quota_raises_before_the_request_is_sent(client, clock):
    requests = []
    limiter = ScriptedRateLimiter(RateLimited("used up", until=START + timedelta(hours=1)))
    vendor_client = client(transport=answering(200, requests), client={"rate_limiter": limiter}, quotas=(GENERAL,))
    with pytest.raises(RateLimited, match="used up") as raised:
        look(vendor_client)
    assert (raised.value.connection, raised.value.action) == ("crm", "look")
    assert requests == []
    assert clock.slept == []


def test_an_undeclared_quota_raises_value_error(client):
    with pytest.raises(ValueError, match="declares no quota 'serach'"):
        look(client(transport=answering(200), quotas=(GENERAL, SEARCH)), quota="serach")


def test_a_connector_without_quotas_does_not_use_the_rate_limiter(client, clock):
    limiter = ScriptedRateLimiter()
    look(client(transport=answering(200), client={"rate_limiter": limiter}))
    assert limiter.acquired == limiter.recorded == []


def test_unlimited_rate_never_waits():
    limiter = UnlimitedRate()
    assert limiter.acquire("crm", GENERAL) == 0
    limiter.record_headers("crm", GENERAL, {})
    assert limiter.acquire("crm", GENERAL) == 0
