"""Graceful shutdown on SIGTERM and Ctrl+C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_event_on_signal() -> Iterator[threading.Event]:
    """Yield an event that SIGTERM or Ctrl+C sets (main thread only); the former handlers are restored afterwards."""
    stop = threading.Event()

    def set_stop(_signum: int, _frame: FrameType | None) -> None:
        stop.set()

    former = {number: signal.signal(number, set_stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
