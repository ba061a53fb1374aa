from __future__ import annotations

import pytest
from support.application import ApplicationHarness


@pytest.fixture
def application(ledger, clock) -> ApplicationHarness:
    return ApplicationHarness(ledger, clock)
