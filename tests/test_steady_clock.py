"""`SteadyClock`: a wall clock that is wrong for seconds does not move a process."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nps_connect.connection import SteadyClock

START = datetime(2026, 11, 17, 9, 0, tzinfo=UTC)


class Machine:
    """A wall clock and a monotonic clock, moved by the test."""

    def __init__(self) -> None:
        self.wall, self.monotonic = START, 1000.0
        self.clock = SteadyClock(lambda: self.wall, lambda: self.monotonic)

    def wait(self, seconds: float, *, wall_step: timedelta = timedelta(0)) -> datetime:
        """Let time pass and set the wall clock; return the clock's time."""
        self.monotonic += seconds
        self.wall += timedelta(seconds=seconds) + wall_step
        return self.clock()


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.mark.parametrize("step", [timedelta(days=1), timedelta(days=-1), timedelta(minutes=1)])
def test_a_wall_clock_that_is_wrong_for_seconds_is_not_followed(machine, step):
    assert machine.wait(5) == START + timedelta(seconds=5)
    assert machine.wait(5, wall_step=step) == START + timedelta(seconds=10)
    assert machine.wait(50) == START + timedelta(seconds=60)
    assert machine.wait(5, wall_step=-step) == START + timedelta(seconds=65)
    assert machine.wait(600) == START + timedelta(seconds=665)


def test_a_wall_clock_that_stays_changed_is_followed_after_a_minute(machine):
    day = timedelta(days=1)
    machine.wait(5, wall_step=day)
    assert machine.wait(59) == START + timedelta(seconds=64)
    assert machine.wait(1) == START + day + timedelta(seconds=65)
    assert machine.wait(5) == START + day + timedelta(seconds=70)


def test_a_small_correction_is_followed_at_once(machine):
    for _ in range(100):
        machine.wait(1, wall_step=timedelta(milliseconds=500))
    assert machine.clock() == machine.wall
