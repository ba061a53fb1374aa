"""Leases: what the threads of this process work on now, so that a heartbeat can hold on to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class LeaseHolder:
    """One thread at work.

    Attributes:
        doing: the queue.
        since: when it last showed progress, in seconds of the monotonic clock.
        tokens: of its claims.
        given_up: it has shown no progress for too long: its claims are no longer held.
    """

    doing: str
    since: float
    tokens: set[str] = field(default_factory=set)
    is_abandoned: bool = False


class Leases:
    """The claims of this process, by the thread that made them.

    Args:
        monotonic: source of elapsed time, in seconds.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._hands: dict[int, LeaseHolder] = {}

    @contextmanager
    def working(self, doing: str) -> Iterator[LeaseHolder]:
        """While this thread works on a queue, what it claims is held; afterwards no longer."""
        hand = LeaseHolder(doing, self._monotonic())
        thread = threading.get_ident()
        with self._lock:
            self._hands[thread] = hand
        try:
            yield hand
        finally:
            with self._lock:
                self._hands.pop(thread, None)

    def note(self, token: str) -> None:
        """This thread is about to claim under a token; outside of `working` nobody holds on to it."""
        with self._lock:
            hand = self._hands.get(threading.get_ident())
            if hand is not None:
                hand.tokens.add(token)
                hand.since = self._monotonic()

    def progress(self) -> None:
        """This thread goes on to its next step: its deadline begins anew."""
        with self._lock:
            hand = self._hands.get(threading.get_ident())
            if hand is not None:
                hand.since = self._monotonic()

    def tokens(self) -> list[str]:
        """Of every claim that is to be held."""
        with self._lock:
            return [token for hand in self._hands.values() if not hand.is_abandoned for token in hand.tokens]

    def doing(self) -> list[str]:
        """What is worked on, one entry per thread, in alphabetical order."""
        with self._lock:
            return sorted(hand.doing for hand in self._hands.values())

    def abandon(self, seconds: float) -> list[LeaseHolder]:
        """Let go of what has shown no progress for so long; returns what was let go of just now."""
        with self._lock:
            late = [
                hand
                for hand in self._hands.values()
                if not hand.is_abandoned and self._monotonic() - hand.since > seconds
            ]
            for hand in late:
                hand.is_abandoned = True
            return late
