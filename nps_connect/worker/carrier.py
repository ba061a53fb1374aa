"""The carrier: tells the other processes of a cluster, within milliseconds, that a lane has work.

Nothing durable lives in it. What it loses, the engines' own look at the ledger finds a second later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Heard = Callable[[str], object]
"""Is told the lane."""


class Carrier(Protocol):
    """What the engine needs of one; the embedded engine needs none."""

    def start(self) -> None:
        """Begin to carry, and to hear if it was made to."""

    def wake(self, lane: str) -> None:
        """One process that hears is told that this lane has work. Never waits, never raises."""

    def stop(self) -> None:
        """Carry no more."""
