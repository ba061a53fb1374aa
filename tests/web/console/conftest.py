"""The console on each database, with a user of each role."""

import asyncio

import pytest
from support.application import ApplicationHarness
from support.console import ConsoleClient, add_console_user


@pytest.fixture(scope="session")
def runner():
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def harness(ledger, clock):
    return ApplicationHarness(ledger, clock)


@pytest.fixture
def admin(harness):
    return add_console_user(harness)


@pytest.fixture
def admin_client(harness, runner, admin):
    return ConsoleClient(harness, runner, admin)


@pytest.fixture
def visitor(harness, runner):
    return ConsoleClient(harness, runner)
