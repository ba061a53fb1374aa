"""Three soft bounces about a mailbox, each five days after the one before, are a hard one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nps_connect.rules.repeated_bounces import is_repeated

START = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "repeated"),
    [
        ([], False),
        ([0], False),
        ([0, 10], False),
        ([0, 5, 10], True),
        ([0, 4.9, 10], False),
        ([0, 5, 9.9], False),
        ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], False),
        ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], True),
        ([0, 200, 399], True),
    ],
)
def test_bounces_count_five_days_apart(days, repeated):
    assert is_repeated([START + timedelta(days=day) for day in days]) is repeated
