"""An application whose helpdesk sends ticket events."""

from __future__ import annotations

import pytest
from support.application import ApplicationHarness
from support.recovery_scenarios import RECOVERY_CONFIG, EventfulHelpdesk


@pytest.fixture
def build(ledger, clock):
    def build_application(**change):
        desk = EventfulHelpdesk()
        application = ApplicationHarness(ledger, clock, {**RECOVERY_CONFIG, **change}, desk=desk)
        application.desk = desk
        return application

    return build_application


@pytest.fixture
def application(build):
    return build()
