"""Ending in good order when the process is told to."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_event_on_signal() -> Iterator[threading.Event]:
    """Give an event that SIGTERM or Ctrl+C sets; main thread only. The former handlers come back after."""
    told = threading.Event()

    def tell(_signum: int, _frame: FrameType | None) -> None:
        told.set()

    former = {number: signal.signal(number, tell) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield told
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
