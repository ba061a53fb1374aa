"""A clock for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from nps_connect.settings.durations import parse_duration

START = datetime(2026, 11, 17, 9, 0, tzinfo=UTC)
"""A Tuesday morning."""


class ManualClock:
    """A clock that changes only when it is moved."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, by: str | timedelta) -> datetime:
        """Move the clock forward by a duration such as ``3d`` and return the new time."""
        self.now += parse_duration(by)
        return self.now

    def sleep(self, seconds: float) -> None:
        """Move the clock forward instead of waiting."""
        self.now += timedelta(seconds=seconds)
