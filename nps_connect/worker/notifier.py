"""The carrier: tells the other processes of a cluster, within milliseconds, that a queue has work.

Nothing durable lives in it. What it loses, the engines' own look at the ledger finds a second later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

WakeCallback = Callable[[str], object]
"""Is told the queue."""


class Notifier(Protocol):
    """What the engine needs of one; the embedded engine needs none."""

    def start(self) -> None:
        """Begin to carry, and to hear if it was made to."""

    def wake(self, queue_name: str) -> None:
        """One process that hears is told that this queue has work. Never waits, never raises."""

    def stop(self) -> None:
        """Carry no more."""
