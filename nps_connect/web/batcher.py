"""Gathering: what comes in at the same moment goes to the application together, in one thread and one transaction."""

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
"""Seconds until what nobody waits for is worked on at the latest."""

RETRY_DELAY_SECONDS = 1.0
"""Seconds until it is tried again when the application cannot work."""

IDLE_GAP_SECONDS = 0.002
"""Seconds without a newcomer after which a round begins, though fewer wait than lately."""

MAX_COLLECT_SECONDS = 0.05
"""Seconds for which a round is put off at most, so that as many come together as lately."""

MAX_BATCH_SIZE = 500
"""Asks that go together at most."""

MAX_PENDING = 5000
"""Asks that nobody waits for, kept at most; whoever brings more has to wait."""


class Batcher(Generic[Item, Result]):
    """While the application works on some asks, those who come wait, and go together in the next round, in their order.

    A round costs much beside what each ask adds to it. So the next one begins when half as many wait as went in the
    last one, or nobody has come for a `IDLE_GAP_SECONDS`: rounds of one size take turns. Who comes alone is not kept waiting.

    An event loop is served by one thread, so the application is never asked twice at a time.

    Args:
        work: answers a batch, in its order; what goes wrong with one ask stands in its place. May block.
        name: of the thread.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Sequence[Result | Exception]], name: str) -> None:
        self._work = work
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._waiting: list[tuple[Item, asyncio.Future[Result] | None]] = []
        self._working: asyncio.Future[Sequence[Result | Exception]] | None = None
        self._next: asyncio.Handle | None = None
        self._latest = 0.0
        self._enough = 1
        self._last_batch_failed = False

    async def ask(self, one: Item) -> Result:
        """Wait for the answer to one ask; raises what goes wrong with it."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((one, future))
        self._plan()
        return await future

    async def submit_nowait(self, one: Item) -> None:
        """Leave an ask that nobody waits for: it is worked on within `PATIENCE`, and again if the application cannot work."""
        if len(self._waiting) >= MAX_PENDING:
            await self.ask(one)
            return
        self._waiting.append((one, None))
        self._plan(FLUSH_INTERVAL_SECONDS)

    async def settle(self) -> None:
        """Work on all that was left so far; gives up when the application cannot work."""
        while self._waiting or self._working is not None:
            self._start()
            if self._working is not None:
                await asyncio.wait([self._working])
                await asyncio.sleep(0)  # its end is told to us next
            if self._last_batch_failed and self._working is None:
                log.error("not written down: visits=%d", len(self._waiting))
                return

    async def close(self) -> None:
        """Work on what was left, then stop."""
        await self.settle()
        self._pool.shutdown()

    def _plan(self, wait: float = 0.0) -> None:
        """See to it that the next round begins, soon if somebody waits: with all who come in the same moment."""
        soon = not wait and len(self._waiting) >= self._enough
        latest = 0.0 if soon else wait or MAX_COLLECT_SECONDS
        if self._working is not None or (self._next is not None and self._latest <= latest):
            return
        if self._next is not None:
            self._next.cancel()
        loop, self._latest = asyncio.get_running_loop(), latest
        if soon:
            self._next = loop.call_soon(self._start)
        elif wait:
            self._next = loop.call_later(wait, self._start)
        else:
            self._schedule_when_idle(loop.time() + MAX_COLLECT_SECONDS)

    def _schedule_when_idle(self, until: float, lulls: int = 0) -> None:
        """Begin the round when nobody has come for a while; twice, since the first one may be our own being busy."""
        loop, seen = asyncio.get_running_loop(), len(self._waiting)

        def look() -> None:
            if loop.time() >= until or (len(self._waiting) == seen and lulls):
                self._start()
            else:
                self._schedule_when_idle(until, 0 if len(self._waiting) > seen else lulls + 1)

        self._next = loop.call_later(IDLE_GAP_SECONDS, look)

    def _start(self) -> None:
        if self._next is not None:
            self._next.cancel()
        self._next = None
        if self._working is not None or not self._waiting:
            return
        group, self._waiting = self._waiting[:MAX_BATCH_SIZE], self._waiting[MAX_BATCH_SIZE:]
        asks = [one for one, _ in group]
        self._enough = len(asks) // 2
        self._working = asyncio.get_running_loop().run_in_executor(self._pool, self._work, asks)
        self._working.add_done_callback(partial(self._finish, group))

    def _finish(
        self,
        group: list[tuple[Item, asyncio.Future[Result] | None]],
        done: asyncio.Future[Sequence[Result | Exception]],
    ) -> None:
        self._working = None
        trouble = done.exception()
        self._last_batch_failed = trouble is not None
        answers = [trouble] * len(group) if trouble is not None else done.result()
        for (_, future), answer in zip(group, answers, strict=True):
            if future is None:
                if isinstance(answer, Exception) and trouble is None:
                    log.error("visit not written down", exc_info=answer)
            elif not future.done():
                if isinstance(answer, BaseException):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)
        if trouble is not None:
            self._waiting[:0] = [one for one in group if one[1] is None]
        if any(future is not None for _, future in self._waiting):
            self._plan()
        elif self._waiting:
            self._plan(FLUSH_INTERVAL_SECONDS if trouble is None else RETRY_DELAY_SECONDS)
