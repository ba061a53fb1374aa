"""`Batcher`: collects concurrent requests and passes them to the application as one batch, in one thread."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

FLUSH_INTERVAL_SECONDS = 0.15
"""Longest wait of an item submitted without waiting for its result."""

RETRY_DELAY_SECONDS = 1.0
"""Delay before a failed batch is tried again."""

IDLE_GAP_SECONDS = 0.002
"""A batch that is smaller than expected starts when no item has arrived for this long."""

MAX_COLLECT_SECONDS = 0.05
"""Longest time for which a batch is collected."""

MAX_BATCH_SIZE = 500
MAX_PENDING = 5000
"""Pending items from which on `submit_nowait` waits for its result too (backpressure)."""


class Batcher(Generic[Item, Result]):
    """Runs one batch at a time in a thread of its own; items that arrive meanwhile form the next batch, in order.

    The fixed cost of a batch (a transaction) exceeds the cost per item. The next batch therefore starts when half as
    many items are pending as the last batch had, or when no item has arrived for `IDLE_GAP_SECONDS`. A single item on
    an idle server starts immediately.

    Args:
        work: processes a batch and returns one result or exception per item, in order. May block. Raising fails the
            whole batch: items submitted with `submit_nowait` are then retried.
        name: of the thread, and in log events.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Sequence[Result | Exception]], name: str) -> None:
        self._work = work
        self._name = name
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._pending: list[tuple[Item, asyncio.Future[Result] | None]] = []
        self._running: asyncio.Future[Sequence[Result | Exception]] | None = None
        self._timer: asyncio.Handle | None = None
        self._timer_delay = 0.0
        self._batch_threshold = 1
        self._last_batch_failed = False

    async def submit(self, item: Item) -> Result:
        """Process an item and return its result; raises the exception that stands for it."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._pending.append((item, future))
        self._schedule()
        return await future

    async def submit_nowait(self, item: Item) -> None:
        """Queue an item whose result nobody waits for. Waits only when `MAX_PENDING` items are pending."""
        if len(self._pending) >= MAX_PENDING:
            await self.submit(item)
            return
        self._pending.append((item, None))
        self._schedule(FLUSH_INTERVAL_SECONDS)

    async def flush(self) -> None:
        """Process all pending items; returns early when a batch fails as a whole."""
        while self._pending or self._running is not None:
            self._run_batch()
            if self._running is not None:
                await asyncio.wait([self._running])
                await asyncio.sleep(0)  # let the done callback run
            if self._last_batch_failed and self._running is None:
                log.error("batch_items_not_stored batcher=%s items=%d", self._name, len(self._pending))
                return

    async def close(self) -> None:
        """Flush, then stop the thread."""
        await self.flush()
        self._pool.shutdown()

    def _schedule(self, delay: float = 0.0) -> None:
        """Schedule the next batch; a delay of 0 means that a caller waits for its result."""
        is_due = not delay and len(self._pending) >= self._batch_threshold
        latest = 0.0 if is_due else delay or MAX_COLLECT_SECONDS
        if self._running is not None or (self._timer is not None and self._timer_delay <= latest):
            return
        if self._timer is not None:
            self._timer.cancel()
        loop, self._timer_delay = asyncio.get_running_loop(), latest
        if is_due:
            self._timer = loop.call_soon(self._run_batch)
        elif delay:
            self._timer = loop.call_later(delay, self._run_batch)
        else:
            self._schedule_when_idle(loop.time() + MAX_COLLECT_SECONDS)

    def _schedule_when_idle(self, deadline: float, idle_checks: int = 0) -> None:
        """Start the batch after two checks without a new item: after one, the event loop itself may have been busy."""
        loop, pending_before = asyncio.get_running_loop(), len(self._pending)

        def check() -> None:
            is_idle = len(self._pending) == pending_before
            if loop.time() >= deadline or (is_idle and idle_checks):
                self._run_batch()
            else:
                self._schedule_when_idle(deadline, idle_checks + 1 if is_idle else 0)

        self._timer = loop.call_later(IDLE_GAP_SECONDS, check)

    def _run_batch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if self._running is not None or not self._pending:
            return
        batch, self._pending = self._pending[:MAX_BATCH_SIZE], self._pending[MAX_BATCH_SIZE:]
        items = [item for item, _ in batch]
        self._batch_threshold = len(items) // 2
        self._running = asyncio.get_running_loop().run_in_executor(self._pool, self._work, items)
        self._running.add_done_callback(partial(self._on_done, batch))

    def _on_done(
        self,
        batch: list[tuple[Item, asyncio.Future[Result] | None]],
        done: asyncio.Future[Sequence[Result | Exception]],
    ) -> None:
        self._running = None
        failure = done.exception()
        self._last_batch_failed = failure is not None
        results = [failure] * len(batch) if failure is not None else done.result()
        for (_, future), result in zip(batch, results, strict=True):
            if future is None:
                if isinstance(result, Exception) and failure is None:
                    log.error("batch_item_failed batcher=%s", self._name, exc_info=result)
            elif not future.done():
                if isinstance(result, BaseException):
                    future.set_exception(result)
                else:
                    future.set_result(result)
        if failure is not None:
            self._pending[:0] = [entry for entry in batch if entry[1] is None]
        if any(future is not None for _, future in self._pending):
            self._schedule()
        elif self._pending:
            self._schedule(FLUSH_INTERVAL_SECONDS if failure is None else RETRY_DELAY_SECONDS)
