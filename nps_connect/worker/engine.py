"""The engine: worker threads that drain queues by priority, without starving any."""

from __future__ import annotations

import logging
import math
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime

from nps_connect.services.context import Context
from nps_connect.worker.queues import WorkQueue

log = logging.getLogger(__name__)

POLL_INTERVAL_SECONDS = 1.0
"""How often all queues are checked, together, without a wake-up: another process may have added work."""

STARVATION_LIMIT_SECONDS = 1.0
"""Queues that have waited this long for a thread precede those of higher priority, the longest wait first."""

QUEUE_ERROR_BACKOFF_SECONDS = 5.0


class Engine:
    """Drains queues with threads.

    Each connection can always use one thread, so that a slow vendor never blocks another; further threads are shared.
    One query finds the queues with due rows; only these are checked for pauses and claimed from.
    It waits by the monotonic clock: a wall clock that was ahead for a moment delays no queue.

    Args:
        ctx: the application's parts.
        queues: highest priority first.
        threads: number of shared threads.
        concurrency: maximum number of threads per connection, by name.
        load_due_times: loads when the first pending row of each queue is due, by name of the queue.
    """

    def __init__(
        self,
        ctx: Context,
        queues: list[WorkQueue],
        threads: int,
        concurrency: Mapping[str, int],
        load_due_times: Callable[[], Mapping[str, datetime]],
    ) -> None:
        self._ctx = ctx
        self._queues = {queue.name: queue for queue in queues}
        self._priorities = {queue.name: position for position, queue in enumerate(queues)}
        self._shared_threads = threads
        self._concurrency = concurrency
        self._load_due_times = load_due_times
        self._changed = threading.Condition()
        self._busy: Counter[str] = Counter()
        self._monotonic = ctx.leases.monotonic
        self._next_check = dict.fromkeys(self._queues, math.inf)
        self._next_poll = self._monotonic()
        self._stopping = threading.Event()
        self._thread_count = 0
        connections = {queue.connection for queue in queues}
        self._threads = [self._create_thread() for _ in range(threads + len(connections))]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def wake(self, queue_name: str) -> bool:
        """Check a queue for new work immediately; returns False if no thread of this process is free for it."""
        with self._changed:
            if queue_name not in self._next_check:
                return False
            self._schedule_check(queue_name, self._monotonic())
            self._changed.notify()
            return self._has_capacity(self._queues[queue_name])

    def stop(self, timeout: float = 30.0) -> bool:
        """Let running calls finish and release the other claims.

        Args:
            timeout: seconds to wait for each thread.

        Returns:
            False if threads are still running.
        """
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        for thread in list(self._threads):
            if thread.is_alive():
                thread.join(timeout)
        return not self.is_running

    @property
    def is_running(self) -> bool:
        """Whether any thread is still running."""
        return any(thread.is_alive() for thread in self._threads)

    def replace_thread(self, queue_name: str) -> None:
        """Stop counting a thread that hangs in a queue, and start another one."""
        thread = self._create_thread()
        with self._changed:
            self._busy[queue_name] -= 1
            self._schedule_check(queue_name, self._monotonic())
            self._threads = [running for running in self._threads if running.is_alive()] + [thread]
        thread.start()

    def _create_thread(self) -> threading.Thread:
        self._thread_count += 1
        return threading.Thread(target=self._run, name=f"worker-{self._thread_count}", daemon=True)

    def _run(self) -> None:
        while not self._stopping.is_set():
            if self._acquire_poll():
                self._poll()
            queue = self._acquire_queue()
            if queue is None:
                continue
            with self._ctx.leases.holding(queue.name) as holder:
                next_check = self._drain(queue)
            if holder.is_abandoned:
                return
            self._release_queue(queue, next_check)

    def _acquire_poll(self) -> bool:
        """Return whether this thread is to look for queues with due rows now."""
        with self._changed:
            now = self._monotonic()
            if self._next_poll > now:
                return False
            self._next_poll = now + POLL_INTERVAL_SECONDS
            return True

    def _poll(self) -> None:
        """Schedule a check of each idle queue with a row that is due before the next poll."""
        interval = POLL_INTERVAL_SECONDS
        try:
            due_times, now = self._load_due_times(), self._ctx.clock()
        except Exception:  # the engine must outlive an outage of the database
            log.exception("poll_failed")
            due_times, interval = {}, QUEUE_ERROR_BACKOFF_SECONDS
        with self._changed:
            polled_at = self._monotonic()
            self._next_poll = polled_at + interval
            for name in self._queues.keys() & due_times.keys():
                wait = (due_times[name] - now).total_seconds()
                if not self._busy[name] and wait < interval:
                    self._schedule_check(name, polled_at + max(wait, 0.0))
            self._changed.notify_all()

    def _drain(self, queue: WorkQueue) -> float:
        """Drain one claim of a queue, if any row is due; returns when to check the queue again (monotonic, seconds).

        Infinity leaves that to the next poll.
        """
        try:
            due_at, now = queue.next_due(self._ctx), self._ctx.clock()
            if due_at is None or due_at > now:
                wait = math.inf if due_at is None else (due_at - now).total_seconds()
                return self._monotonic() + wait if wait < POLL_INTERVAL_SECONDS else math.inf
            return self._monotonic() if queue.drain(self._stopping.is_set) else math.inf
        except Exception:  # the engine must outlive an outage of the database
            log.exception("queue_failed queue=%s", queue.name)
            return self._monotonic() + QUEUE_ERROR_BACKOFF_SECONDS

    def _acquire_queue(self) -> WorkQueue | None:
        """Return the queue to check now; None after waiting for one."""
        with self._changed:
            now = self._monotonic()
            starved = now - STARVATION_LIMIT_SECONDS
            ready = [
                (min(check_at, starved), self._priorities[name], name)
                for name, queue in self._queues.items()
                if (check_at := self._next_check[name]) <= now and self._has_capacity(queue)
            ]
            if ready:
                queue = self._queues[min(ready)[2]]
                self._busy[queue.name] += 1
                self._next_check[queue.name] = math.inf
                return queue
            checks = self._next_poll, *self._next_check.values()
            soonest = min((check_at for check_at in checks if check_at > now), default=math.inf)
            self._changed.wait(max(min(soonest - now, POLL_INTERVAL_SECONDS), 0.001))
            return None

    def _release_queue(self, queue: WorkQueue, next_check: float) -> None:
        with self._changed:
            self._busy[queue.name] -= 1
            self._schedule_check(queue.name, next_check)
            self._changed.notify()

    def _schedule_check(self, queue_name: str, check_at: float) -> None:
        self._next_check[queue_name] = min(self._next_check[queue_name], check_at)

    def _has_capacity(self, queue: WorkQueue) -> bool:
        """Return whether one more thread may work on a queue: always, if it is its connection's first."""
        busy_by_connection = Counter[str | None]()
        for name, busy in self._busy.items():
            busy_by_connection[self._queues[name].connection] += busy
        own_busy = busy_by_connection[queue.connection]
        if own_busy == 0:
            return True
        limit = self._concurrency.get(queue.connection or "", self._shared_threads)
        if own_busy >= limit or self._busy[queue.name] >= max(1, limit - 1):
            return False
        return sum(max(0, busy - 1) for busy in busy_by_connection.values()) < self._shared_threads
