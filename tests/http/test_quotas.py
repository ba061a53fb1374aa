"""The gate is asked before every call that has a quota, and learns from every answer."""

from datetime import timedelta

import httpx
import pytest

from nps_connect.errors import RateLimited
from nps_connect.http import UnlimitedGate
from nps_connect.records.connectors import Quota
from nps_connect.testing import START

GENERAL = Quota(calls=10, seconds=1)
SEARCH = Quota(name="search", calls=4, seconds=1)


class Gate:
    """Answers the given waits in order, and notes who asked."""

    def __init__(self, *waits):
        self.waits = list(waits)
        self.asked = []
        self.learned = []

    def before(self, connection, quota):
        self.asked.append((connection, quota.name))
        wait = self.waits.pop(0)
        if isinstance(wait, Exception):
            raise wait
        return wait

    def after(self, connection, quota, headers):
        self.learned.append((connection, quota.name, headers.get("x-remaining")))


def answering(status, seen=None):
    def handle(request):
        if seen is not None:
            seen.append(request)
        return httpx.Response(status, json={}, headers={"X-Remaining": "3"})

    return httpx.MockTransport(handle)


def look(one, **more):
    return one.call("GET", "/x", action="look", idempotent=True, **more)


def test_a_call_waits_for_its_turn(client, clock):
    gate = Gate(0.0, 0.25)
    one = client(transport=answering(200), client={"gate": gate}, quotas=(GENERAL,))
    look(one)
    assert clock.slept == []
    look(one)
    assert clock.slept == [0.25]
    assert gate.asked == [("crm", "general")] * 2


def test_the_gate_learns_from_good_and_bad_answers(client):
    gate = Gate(0, 0)
    look(client(transport=answering(200), client={"gate": gate}, quotas=(GENERAL,)))
    with pytest.raises(RateLimited):
        look(client(transport=answering(429), client={"gate": gate}, quotas=(GENERAL,)))
    assert gate.learned == [("crm", "general", "3")] * 2


def test_each_call_counts_against_the_quota_it_names(client):
    gate = Gate(0)
    look(client(transport=answering(200), client={"gate": gate}, quotas=(GENERAL, SEARCH)), quota="search")
    assert gate.asked == [("crm", "search")]


def test_a_quota_that_is_used_up_stops_the_call_before_it_is_sent(client, clock):
    seen = []
    gate = Gate(RateLimited("used up", until=START + timedelta(hours=1)))
    one = client(transport=answering(200, seen), client={"gate": gate}, quotas=(GENERAL,))
    with pytest.raises(RateLimited, match="used up") as raised:
        look(one)
    assert (raised.value.connection, raised.value.action) == ("crm", "look")
    assert seen == []
    assert clock.slept == []


def test_a_quota_that_was_never_declared_is_a_bug(client):
    with pytest.raises(ValueError, match="declares no quota 'serach'"):
        look(client(transport=answering(200), quotas=(GENERAL, SEARCH)), quota="serach")


def test_a_connector_without_quotas_is_never_paced(client, clock):
    gate = Gate()
    look(client(transport=answering(200), client={"gate": gate}))
    assert gate.asked == gate.learned == []


def test_an_open_gate_never_waits():
    gate = UnlimitedGate()
    assert gate.before("crm", GENERAL) == 0
    gate.after("crm", GENERAL, {})
    assert gate.before("crm", GENERAL) == 0
