"""Leaks: threads that a lane's plugin starts and never ends are counted, until it is named and stopped."""

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
"""Is told the lane and how many of its threads live."""


class LeakWatch:
    """Counts the threads that are born while a lane works, and still live.

    A thread does not know who started it. So only those count that were born while no other lane was at work; a plugin
    that leaks at every call is caught at its calls that were alone.

    Args:
        leaking: told once, when a lane has too many.
        too_many: how many those are.
    """

    def __init__(self, leaking: Leaking, too_many: int = TOO_MANY) -> None:
        self._leaking, self._too_many = leaking, too_many
        self._lock = threading.Lock()
        self._working = Counter[str]()
        self._mixed = Counter[str]()
        self._born: defaultdict[str, WeakSet[threading.Thread]] = defaultdict(WeakSet)

    @contextmanager
    def watching(self, lane: str) -> Iterator[None]:
        """A lane works inside."""
        with self._lock:
            self._working[lane] += 1
            self._note_company()
            before = set(threading.enumerate())
        try:
            yield
        finally:
            self._look(lane, before)

    def _note_company(self) -> None:
        """Of lanes that work beside others nothing is learnt until they rest."""
        if sum(1 for count in self._working.values() if count) > 1:
            self._mixed.update({lane: 1 for lane, count in self._working.items() if count})

    def _look(self, lane: str, before: set[threading.Thread]) -> None:
        with self._lock:
            born = self._born[lane]
            if not self._mixed[lane]:
                new = set(threading.enumerate()) - before
                born.update(thread for thread in new if not thread.name.startswith(OUR_OWN))
            self._working[lane] -= 1
            if not self._working[lane]:
                del self._mixed[lane]
            alive = [thread for thread in born if thread.is_alive()]
            self._born[lane] = WeakSet(alive)
            told = len(alive) if len(alive) > self._too_many else 0
            if told:
                self._born[lane] = WeakSet()
        if told:
            self._leaking(lane, told)
