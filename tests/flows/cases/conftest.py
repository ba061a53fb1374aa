"""A house whose helpdesk tells what becomes of its tickets."""

from __future__ import annotations

import pytest
from support.house import House
from support.recovering import SETTINGS, TellingDesk


@pytest.fixture
def build(ledger, clock):
    def make(**change):
        desk = TellingDesk()
        house = House(ledger, clock, {**SETTINGS, **change}, desk=desk)
        house.desk = desk
        return house

    return make


@pytest.fixture
def house(build):
    return build()
