from __future__ import annotations

import pytest
from support.house import House


@pytest.fixture
def house(ledger, clock) -> House:
    return House(ledger, clock)
