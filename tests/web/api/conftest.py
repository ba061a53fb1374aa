import asyncio

import pytest
from support.api_client import ApiClient
from support.application import ApplicationHarness

from nps_connect.builtin import webhook

SHOP = {"plugin": "webhook", "events": "api"}
TRIGGER = {"on": "order.delivered", "from": "shop", "survey": "after-purchase", "delay": "1d"}


@pytest.fixture
def runner():
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def application(ledger, clock) -> ApplicationHarness:
    """The application with a shop, whose events come by the API only."""
    change = {"connections": {"shop": SHOP}, "triggers": [TRIGGER]}
    return ApplicationHarness(ledger, clock, change, webhook=webhook)


@pytest.fixture
def api(application, runner) -> ApiClient:
    return ApiClient(application, runner)
