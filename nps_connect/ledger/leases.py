"""Leases of this process: what its threads have claimed, for the heartbeat to renew."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from nps_connect.ledger.claims import LEASE_DURATION


@dataclass
class LeaseHolder:
    """A thread that works on a queue.

    Attributes:
        queue_name: the queue.
        progressed_at: time of its last progress, in seconds of the monotonic clock.
        renewed_at: time of its newest claim, or of the last renewal of its leases, in seconds of the monotonic clock.
        tokens: lease tokens of its claims.
        is_abandoned: it made no progress for too long: its leases are no longer renewed.
    """

    queue_name: str
    progressed_at: float
    renewed_at: float
    tokens: set[str] = field(default_factory=set)
    is_abandoned: bool = False


class Leases:
    """The claims of this process, by thread.

    Args:
        monotonic: source of elapsed time, in seconds.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.monotonic = monotonic
        self._lock = threading.Lock()
        self._holder_by_thread: dict[int, LeaseHolder] = {}

    @contextmanager
    def holding(self, queue_name: str) -> Iterator[LeaseHolder]:
        """Register this thread as working on a queue: its claims are renewed until the end of the block."""
        now = self.monotonic()
        holder = LeaseHolder(queue_name, progressed_at=now, renewed_at=now)
        thread_id = threading.get_ident()
        with self._lock:
            self._holder_by_thread[thread_id] = holder
        try:
            yield holder
        finally:
            with self._lock:
                self._holder_by_thread.pop(thread_id, None)

    def record_progress(self, *tokens: str) -> timedelta:
        """Restart this thread's deadline and add the tokens of its new claims; without effect outside of `holding`.

        Returns:
            The age of this thread's leases.
        """
        with self._lock:
            holder = self._holder_by_thread.get(threading.get_ident())
            if holder is None:
                return timedelta(0)
            holder.tokens.update(tokens)
            holder.progressed_at = self.monotonic()
            if tokens:
                holder.renewed_at = holder.progressed_at
            return timedelta(seconds=holder.progressed_at - holder.renewed_at)

    def record_renewal(self, at: float) -> None:
        """Record that the leases were renewed, by a renewal that began at `at`; one that had expired may be lost."""
        with self._lock:
            for holder in self._holder_by_thread.values():
                if not holder.is_abandoned and at - holder.renewed_at < LEASE_DURATION.total_seconds():
                    holder.renewed_at = max(holder.renewed_at, at)

    def active_tokens(self) -> list[str]:
        """Return the tokens of every claim to renew."""
        with self._lock:
            holders = self._holder_by_thread.values()
            return [token for holder in holders if not holder.is_abandoned for token in holder.tokens]

    def busy_queues(self) -> list[str]:
        """Return the queue of each thread, in alphabetical order."""
        with self._lock:
            return sorted(holder.queue_name for holder in self._holder_by_thread.values())

    def abandon_stalled(self, seconds: float) -> list[LeaseHolder]:
        """Abandon the holders without progress for so many seconds; returns those abandoned now."""
        with self._lock:
            stalled = [
                holder
                for holder in self._holder_by_thread.values()
                if not holder.is_abandoned and self.monotonic() - holder.progressed_at > seconds
            ]
            for holder in stalled:
                holder.is_abandoned = True
            return stalled
