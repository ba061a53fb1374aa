"""A application whose helpdesk tells what becomes of its tickets."""

from __future__ import annotations

import pytest
from support.application import ApplicationHarness
from support.recovery_scenarios import RECOVERY_CONFIG, EventfulHelpdesk


@pytest.fixture
def build(ledger, clock):
    def make(**change):
        desk = EventfulHelpdesk()
        application = ApplicationHarness(ledger, clock, {**RECOVERY_CONFIG, **change}, desk=desk)
        application.desk = desk
        return application

    return make


@pytest.fixture
def application(build):
    return build()
