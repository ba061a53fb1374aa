"""A lock that threads get in the order in which they asked for it."""

from __future__ import annotations

import threading
from collections import deque
from types import TracebackType


class FairLock:
    """First come, first served; `threading.Lock` has no order, so that a busy worker could starve a web request.

    Not reentrant.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiters: deque[tuple[int, threading.Lock]] = deque()
        self._holder: int | None = None

    def __enter__(self) -> None:
        thread_id = threading.get_ident()
        with self._lock:
            if self._holder == thread_id:
                raise RuntimeError("this thread holds the lock already: a write within a write")
            if self._holder is None:
                self._holder = thread_id
                return
            granted = threading.Lock()
            granted.acquire()
            self._waiters.append((thread_id, granted))
        granted.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._holder, granted = self._waiters.popleft() if self._waiters else (None, None)
        if granted is not None:
            granted.release()
