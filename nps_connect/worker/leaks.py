"""Leaks: threads that a queue's plugin starts and never ends are counted, until it is named and stopped."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakSet

TOO_MANY = 48
"""A pool that a plugin keeps stops growing before that (Python's own has 32 threads at most)."""

OUR_OWN = ("AnyIO", "worker-", "heart", "web", "carrier")
"""Beginnings of the names of threads that this process starts itself, for web pages and for work."""

Leaking = Callable[[str, int], object]
"""Is told the queue and how many of its threads live."""


class LeakWatch:
    """Counts the threads that are born while a queue works, and still live.

    A thread does not know who started it. So only those count that were born while no other queue was at work; a plugin
    that leaks at every call is caught at its calls that were alone.

    Args:
        leaking: told once, when a queue has too many.
        too_many: how many those are.
    """

    def __init__(self, leaking: Leaking, too_many: int = TOO_MANY) -> None:
        self._leaking, self._too_many = leaking, too_many
        self._lock = threading.Lock()
        self._working = Counter[str]()
        self._mixed = Counter[str]()
        self._born: defaultdict[str, WeakSet[threading.Thread]] = defaultdict(WeakSet)

    @contextmanager
    def watching(self, queue_name: str) -> Iterator[None]:
        """A queue works inside."""
        with self._lock:
            self._working[queue_name] += 1
            self._note_company()
            before = set(threading.enumerate())
        try:
            yield
        finally:
            self._look(queue_name, before)

    def _note_company(self) -> None:
        """Of queues that work beside others nothing is learnt until they rest."""
        if sum(1 for count in self._working.values() if count) > 1:
            self._mixed.update({queue_name: 1 for queue_name, count in self._working.items() if count})

    def _look(self, queue_name: str, before: set[threading.Thread]) -> None:
        with self._lock:
            born = self._born[queue_name]
            if not self._mixed[queue_name]:
                new = set(threading.enumerate()) - before
                born.update(thread for thread in new if not thread.name.startswith(OUR_OWN))
            self._working[queue_name] -= 1
            if not self._working[queue_name]:
                del self._mixed[queue_name]
            alive = [thread for thread in born if thread.is_alive()]
            self._born[queue_name] = WeakSet(alive)
            told = len(alive) if len(alive) > self._too_many else 0
            if told:
                self._born[queue_name] = WeakSet()
        if told:
            self._leaking(queue_name, told)
