"""A clock that moves only when the proof moves it: nothing waits."""

from __future__ import annotations

from datetime import datetime, timedelta


class VirtualClock:
    """The time of a twin.

    Args:
        now: its start (aware UTC).
    """

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return the current time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Move the clock forward instead of waiting."""
        self.now += timedelta(seconds=seconds)

    def advance_to(self, moment: datetime) -> None:
        """Move the clock to a moment; a moment in the past leaves it where it is."""
        self.now = max(self.now, moment)
