"""Events that signals set: graceful shutdown, and reloading the configuration."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType


def stop_event_on_signal() -> AbstractContextManager[threading.Event]:
    """Return a context manager that yields an event which SIGTERM or Ctrl+C sets (main thread only)."""
    return event_on_signals("SIGTERM", "SIGINT")


@contextmanager
def event_on_signals(*names: str) -> Iterator[threading.Event]:
    """Yield an event that any of these signals sets (main thread only); the former handlers are restored afterwards.

    Args:
        names: of the signals; one that the operating system does not have is left out.
    """
    event = threading.Event()

    def set_event(_signum: int, _frame: FrameType | None) -> None:
        event.set()

    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    former = {number: signal.signal(number, set_event) for number in numbers}
    try:
        yield event
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
