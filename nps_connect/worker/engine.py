"""The engine: threads that work off lanes, most urgent first and none forgotten, until they are told to stop."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from nps_connect.flows.context import Context
from nps_connect.flows.delivering.leaking import stop_leak
from nps_connect.worker.lanes import Lane
from nps_connect.worker.leaks import LeakWatch

log = logging.getLogger(__name__)

LOOK_EVERY = timedelta(seconds=1)
"""How often a lane is looked at that nobody has told us about (another process may have filled it)."""

LONG_ENOUGH = timedelta(seconds=1)
"""A lane that has waited this long for a thread goes before more urgent ones."""

AFTER_A_FAILURE = timedelta(seconds=5)
NEVER = datetime.max.replace(tzinfo=UTC)


class Engine:
    """Works off lanes in threads.

    Every connection can always have one thread, so that a slow vendor never stops another; beyond that they share a
    number of threads.

    Args:
        ctx: the joined parts.
        lanes: most urgent first.
        threads: how many are shared.
        concurrency: how many threads may work for one connection at once, by name.
    """

    def __init__(self, ctx: Context, lanes: list[Lane], threads: int, concurrency: Mapping[str, int]) -> None:
        self._ctx = ctx
        self._lanes = {lane.name: lane for lane in lanes}
        self._rank = {lane.name: place for place, lane in enumerate(lanes)}
        self._shared = threads
        self._concurrency = concurrency
        self._changed = threading.Condition()
        self._busy: Counter[str] = Counter()
        self._look_at = {name: ctx.clock() for name in self._lanes}
        self._stopping = threading.Event()
        self._leaks = LeakWatch(lambda lane, threads: stop_leak(ctx, lane, threads))
        self._number = 0
        groups = {lane.connection for lane in lanes}
        self._threads = [self._thread() for _ in range(threads + len(groups))]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def wake(self, lane: str) -> bool:
        """A lane has new work: look at it now. False if no thread of ours is free for it."""
        with self._changed:
            if lane not in self._look_at:
                return False
            self._look_at[lane] = min(self._look_at[lane], self._ctx.clock())
            self._changed.notify()
            return self._has_room(self._lanes[lane])

    def stop(self, patience: float = 30.0) -> bool:
        """Let running calls finish and give the rest back; false if threads still run after `patience` seconds."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        threads = list(self._threads)
        for thread in threads:
            if thread.is_alive():
                thread.join(patience)
        return not self.working

    @property
    def working(self) -> bool:
        """Whether any thread still runs."""
        return any(thread.is_alive() for thread in self._threads)

    def replace(self, lane: str) -> None:
        """A thread hangs in a lane: count it out and start another in its place."""
        thread = self._thread()
        with self._changed:
            self._busy[lane] -= 1
            self._look_at[lane] = min(self._look_at[lane], self._ctx.clock())
            self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()

    def _thread(self) -> threading.Thread:
        self._number += 1
        return threading.Thread(target=self._work, name=f"worker-{self._number}", daemon=True)

    def _work(self) -> None:
        while not self._stopping.is_set():
            lane = self._next()
            if lane is None:
                continue
            with self._ctx.leases.working(lane.name) as hand:
                again = self._visit(lane)
            if hand.given_up:
                return
            self._done(lane, again)

    def _visit(self, lane: Lane) -> datetime:
        """Work off one claim of a lane, if anything is due; when to look again."""
        now = self._ctx.clock()
        try:
            due = lane.next_due(self._ctx)
            if due is None or due > now:
                return now + LOOK_EVERY if due is None else min(due, now + LOOK_EVERY)
            with self._leaks.watching(lane.name):
                return self._ctx.clock() if lane.drain(self._stopping.is_set) else now + LOOK_EVERY
        except Exception:  # the database may be away for a while; the engine must outlive that
            log.exception("lane failed lane=%s", lane.name)
            return self._ctx.clock() + AFTER_A_FAILURE

    def _next(self) -> Lane | None:
        """The lane that is to be looked at now; waits for one, and gives none after a wait."""
        with self._changed:
            now = self._ctx.clock()
            ready = [
                (now - when < LONG_ENOUGH, self._rank[name], lane)
                for name, lane in self._lanes.items()
                if (when := self._look_at[name]) <= now and self._has_room(lane)
            ]
            if ready:
                lane = min(ready, key=lambda one: one[:2])[2]
                self._busy[lane.name] += 1
                self._look_at[lane.name] = NEVER
                return lane
            soonest = min((when for name, when in self._look_at.items() if when > now), default=NEVER)
            self._changed.wait(max(min(soonest - now, LOOK_EVERY).total_seconds(), 0.001))
            return None

    def _has_room(self, lane: Lane) -> bool:
        """Whether one more thread may work on a lane: its connection's first one always may."""
        mine = self._of(lane.connection)
        if mine == 0:
            return True
        most = self._concurrency.get(lane.connection or "", self._shared)
        if mine >= most or self._busy[lane.name] >= max(1, most - 1):
            return False
        groups = Counter[str | None]()
        for name, busy in self._busy.items():
            groups[self._lanes[name].connection] += busy
        return sum(max(0, busy - 1) for busy in groups.values()) < self._shared

    def _of(self, connection: str | None) -> int:
        return sum(busy for name, busy in self._busy.items() if self._lanes[name].connection == connection)

    def _done(self, lane: Lane, again: datetime) -> None:
        with self._changed:
            self._busy[lane.name] -= 1
            self._look_at[lane.name] = min(self._look_at[lane.name], again)
            self._changed.notify()
