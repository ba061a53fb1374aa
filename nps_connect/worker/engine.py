"""The embedded engine: a few threads that work off lanes, most urgent first, until they are told to stop."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta

from nps_connect.flows.context import Context
from nps_connect.worker.lanes import Lane

log = logging.getLogger(__name__)

LOOK_EVERY = timedelta(seconds=1)
"""How often a lane is looked at that nobody has told us about (another process may have filled it)."""

AFTER_A_FAILURE = timedelta(seconds=5)
NEVER = datetime.max.replace(tzinfo=UTC)


class Engine:
    """Works off lanes in threads.

    Args:
        ctx: the joined parts.
        lanes: most urgent first.
        threads: how many work at once; one lane is worked off by one of them at a time.
    """

    def __init__(self, ctx: Context, lanes: list[Lane], threads: int) -> None:
        self._ctx = ctx
        self._lanes = {lane.name: lane for lane in lanes}
        self._changed = threading.Condition()
        self._busy: set[str] = set()
        self._look_at = {name: ctx.clock() for name in self._lanes}
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, name=f"worker-{number}", daemon=True) for number in range(threads)
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def wake(self, lane: str) -> None:
        """A lane has new work: look at it now."""
        with self._changed:
            if lane in self._look_at:
                self._look_at[lane] = self._ctx.clock()
                self._changed.notify()

    def stop(self, patience: float = 30.0) -> bool:
        """Let running calls finish and give the rest back; false if threads still run after `patience` seconds."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(patience)
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while not self._stopping.is_set():
            lane = self._next()
            if lane is None:
                continue
            again = self._ctx.clock() + LOOK_EVERY
            try:
                due = lane.next_due(self._ctx)
                if due is not None and due <= self._ctx.clock():
                    lane.drain(self._stopping.is_set)
                    again = self._ctx.clock()
                elif due is not None:
                    again = min(due, again)
            except Exception:  # the database may be away for a while; the engine must outlive that
                log.exception("lane failed lane=%s", lane.name)
                again = self._ctx.clock() + AFTER_A_FAILURE
            self._done(lane, again)

    def _next(self) -> Lane | None:
        """The most urgent lane that is to be looked at now; waits for one, and gives none after a wait."""
        with self._changed:
            now = self._ctx.clock()
            soonest: datetime | None = None
            for name, lane in self._lanes.items():
                if name in self._busy:
                    continue
                when = self._look_at[name]
                if when <= now:
                    self._busy.add(name)
                    self._look_at[name] = NEVER
                    return lane
                soonest = when if soonest is None or when < soonest else soonest
            wait = LOOK_EVERY if soonest is None else min(soonest - now, LOOK_EVERY)
            self._changed.wait(max(wait.total_seconds(), 0.001))
            return None

    def _done(self, lane: Lane, again: datetime) -> None:
        with self._changed:
            self._busy.discard(lane.name)
            self._look_at[lane.name] = min(self._look_at[lane.name], again)
            self._changed.notify()
