"""Requests of other hosts are reported once a minute; monitoring and this host do not count."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from nps_connect.web.app import create_app

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)


@pytest.fixture
def visit(backend):
    """Send a request from an address and return when foreign requests were reported so far."""
    clock = [NOW]
    app = create_app(backend, clock=lambda: clock[0])

    async def request(address, path, headers):
        transport = httpx.ASGITransport(app, client=(address, 50000))
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            await client.get(path, headers=headers)

    def send(address, path="/s/marie", *, after=timedelta(), **headers):
        clock[0] += after
        asyncio.run(request(address, path, headers))
        return backend.foreign_requests

    return send


@pytest.mark.parametrize("path", ["/s/marie", "/hooks/crm", "/favicon.ico"])
def test_a_request_of_another_host_is_reported(visit, path):
    assert visit("203.0.113.7", path) == [NOW]


def test_a_proxy_on_this_host_forwards_requests_of_others(visit):
    assert visit("127.0.0.1", **{"X-Forwarded-For": "203.0.113.7"}) == [NOW]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_requests_of_this_host_do_not_count(visit, address):
    assert visit(address) == []


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_monitoring_does_not_count(visit, path):
    assert visit("203.0.113.7", path) == []


def test_requests_are_reported_once_a_minute(visit):
    visit("203.0.113.7")
    assert visit("203.0.113.8", after=timedelta(seconds=59)) == [NOW]
    assert visit("203.0.113.8", after=timedelta(seconds=1)) == [NOW, NOW + timedelta(minutes=1)]
