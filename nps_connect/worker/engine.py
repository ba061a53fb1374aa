"""The engine: threads that work off queues, most urgent first and none forgotten, until they are told to stop."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from nps_connect.services.context import Context
from nps_connect.services.deliveries.thread_leaks import pause_leaking_queue
from nps_connect.worker.leaks import LeakWatch
from nps_connect.worker.queues import WorkQueue

log = logging.getLogger(__name__)

POLL_INTERVAL = timedelta(seconds=1)
"""How often a queue is looked at that nobody has told us about (another process may have filled it)."""

STARVATION_LIMIT = timedelta(seconds=1)
"""A queue that has waited this long for a thread goes before more urgent ones."""

QUEUE_ERROR_BACKOFF = timedelta(seconds=5)
FAR_FUTURE = datetime.max.replace(tzinfo=UTC)


class Engine:
    """Works off queues in threads.

    Every connection can always have one thread, so that a slow vendor never stops another; beyond that they share a
    number of threads.

    Args:
        ctx: the joined parts.
        queues: most urgent first.
        threads: how many are shared.
        concurrency: how many threads may work for one connection at once, by name.
    """

    def __init__(self, ctx: Context, queues: list[WorkQueue], threads: int, concurrency: Mapping[str, int]) -> None:
        self._ctx = ctx
        self._queues = {queue_name.name: queue_name for queue_name in queues}
        self._rank = {queue_name.name: place for place, queue_name in enumerate(queues)}
        self._shared = threads
        self._concurrency = concurrency
        self._changed = threading.Condition()
        self._busy: Counter[str] = Counter()
        self._look_at = {name: ctx.clock() for name in self._queues}
        self._stopping = threading.Event()
        self._leaks = LeakWatch(lambda queue_name, threads: pause_leaking_queue(ctx, queue_name, threads))
        self._number = 0
        groups = {queue_name.connection for queue_name in queues}
        self._threads = [self._thread() for _ in range(threads + len(groups))]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def wake(self, queue_name: str) -> bool:
        """A queue has new work: look at it now. False if no thread of ours is free for it."""
        with self._changed:
            if queue_name not in self._look_at:
                return False
            self._look_at[queue_name] = min(self._look_at[queue_name], self._ctx.clock())
            self._changed.notify()
            return self._has_room(self._queues[queue_name])

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

    def replace(self, queue_name: str) -> None:
        """A thread hangs in a queue: count it out and start another in its place."""
        thread = self._thread()
        with self._changed:
            self._busy[queue_name] -= 1
            self._look_at[queue_name] = min(self._look_at[queue_name], self._ctx.clock())
            self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()

    def _thread(self) -> threading.Thread:
        self._number += 1
        return threading.Thread(target=self._work, name=f"worker-{self._number}", daemon=True)

    def _work(self) -> None:
        while not self._stopping.is_set():
            queue_name = self._next()
            if queue_name is None:
                continue
            with self._ctx.leases.working(queue_name.name) as hand:
                again = self._visit(queue_name)
            if hand.is_abandoned:
                return
            self._done(queue_name, again)

    def _visit(self, queue_name: WorkQueue) -> datetime:
        """Work off one claim of a queue, if anything is due; when to look again."""
        now = self._ctx.clock()
        try:
            due = queue_name.next_due(self._ctx)
            if due is None or due > now:
                return now + POLL_INTERVAL if due is None else min(due, now + POLL_INTERVAL)
            with self._leaks.watching(queue_name.name):
                return self._ctx.clock() if queue_name.drain(self._stopping.is_set) else now + POLL_INTERVAL
        except Exception:  # the database may be away for a while; the engine must outlive that
            log.exception("queue failed queue=%s", queue_name.name)
            return self._ctx.clock() + QUEUE_ERROR_BACKOFF

    def _next(self) -> WorkQueue | None:
        """The queue that is to be looked at now; waits for one, and gives none after a wait."""
        with self._changed:
            now = self._ctx.clock()
            ready = [
                (now - when < STARVATION_LIMIT, self._rank[name], queue_name)
                for name, queue_name in self._queues.items()
                if (when := self._look_at[name]) <= now and self._has_room(queue_name)
            ]
            if ready:
                queue_name = min(ready, key=lambda one: one[:2])[2]
                self._busy[queue_name.name] += 1
                self._look_at[queue_name.name] = FAR_FUTURE
                return queue_name
            soonest = min((when for name, when in self._look_at.items() if when > now), default=FAR_FUTURE)
            self._changed.wait(max(min(soonest - now, POLL_INTERVAL).total_seconds(), 0.001))
            return None

    def _has_room(self, queue_name: WorkQueue) -> bool:
        """Whether one more thread may work on a queue: its connection's first one always may."""
        mine = self._of(queue_name.connection)
        if mine == 0:
            return True
        most = self._concurrency.get(queue_name.connection or "", self._shared)
        if mine >= most or self._busy[queue_name.name] >= max(1, most - 1):
            return False
        groups = Counter[str | None]()
        for name, busy in self._busy.items():
            groups[self._queues[name].connection] += busy
        return sum(max(0, busy - 1) for busy in groups.values()) < self._shared

    def _of(self, connection: str | None) -> int:
        return sum(busy for name, busy in self._busy.items() if self._queues[name].connection == connection)

    def _done(self, queue_name: WorkQueue, again: datetime) -> None:
        with self._changed:
            self._busy[queue_name.name] -= 1
            self._look_at[queue_name.name] = min(self._look_at[queue_name.name], again)
            self._changed.notify()
