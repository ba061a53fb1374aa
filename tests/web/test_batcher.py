"""`Batcher`: concurrent items share a batch, keep their order, and are not lost on failure."""

from __future__ import annotations

import asyncio
import selectors
import threading

import pytest

from nps_connect.web import batcher as batcher_module
from nps_connect.web.batcher import Batcher


class BlockingBackend:
    """Doubles numbers batch by batch. The item 13 fails; while `is_down`, every batch fails; `gate` blocks it."""

    def __init__(self):
        self.batches, self.is_down = [], False
        self.gate = threading.Event()
        self.gate.set()

    def work(self, items):
        self.gate.wait(10)
        if self.is_down:
            raise ConnectionError("the database is unreachable")
        self.batches.append(list(items))
        return [ValueError("13") if item == 13 else 2 * item for item in items]


@pytest.fixture
def backend():
    return BlockingBackend()


def test_concurrent_items_share_a_batch_and_each_gets_its_own_result(backend):
    async def run():
        batcher = Batcher(backend.work, "test")
        results = await asyncio.gather(*(batcher.submit(item) for item in range(5)))
        await batcher.close()
        return results

    assert asyncio.run(run()) == [0, 2, 4, 6, 8]
    assert backend.batches == [[0, 1, 2, 3, 4]]


def test_items_that_arrive_during_a_batch_form_the_next_one(backend):
    async def run():
        batcher = Batcher(backend.work, "test")
        backend.gate.clear()
        first = asyncio.create_task(batcher.submit(1))
        await asyncio.sleep(0.01)
        later = [asyncio.create_task(batcher.submit(item)) for item in (2, 3)]
        await asyncio.sleep(0)
        backend.gate.set()
        results = await asyncio.gather(first, *later)
        await batcher.close()
        return results

    assert asyncio.run(run()) == [2, 4, 6]
    assert backend.batches == [[1], [2, 3]]


class SimulatedTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock advances only when there is nothing else to do."""

    def __init__(self):
        super().__init__(self.Selector(self))
        self.now = 0.0

    def time(self):
        return self.now

    class Selector(selectors.DefaultSelector):
        def __init__(self, loop):
            super().__init__()
            self.loop = loop

        def select(self, timeout=None):
            if timeout:
                self.loop.now += timeout
            return super().select(0 if timeout else timeout)


def measure_batches(backend, first, later, gap):
    """Submit `first` items together, then `later` items with gaps; returns the later batch sizes and the last item's wait."""

    async def run():
        batcher, loop = Batcher(backend.work, "test"), asyncio.get_running_loop()
        await asyncio.gather(*(batcher.submit(1) for _ in range(first)))
        tasks = []
        for _ in range(later):
            tasks.append(asyncio.create_task(batcher.submit(1)))
            submitted_at = loop.time()
            await asyncio.sleep(gap)
        await asyncio.gather(*tasks)
        waited = loop.time() - submitted_at
        await batcher.close()
        return waited

    with asyncio.Runner(loop_factory=SimulatedTimeLoop) as runner:
        waited = runner.run(run())
    return [len(batch) for batch in backend.batches[1:]], waited


def test_a_batch_of_half_the_last_size_starts_immediately(backend):
    assert measure_batches(backend, first=8, later=4, gap=0) == ([4], 0)


def test_a_smaller_batch_waits_only_while_items_keep_arriving(backend):
    sizes, waited = measure_batches(backend, first=80, later=10, gap=batcher_module.IDLE_GAP_SECONDS * 0.9)
    assert sizes == [10]
    assert waited <= 3 * batcher_module.IDLE_GAP_SECONDS


def test_a_steady_stream_does_not_delay_a_batch_beyond_the_limit(backend):
    sizes, _waited = measure_batches(backend, first=400, later=60, gap=batcher_module.IDLE_GAP_SECONDS * 0.9)
    assert len(sizes) > 1
    assert sizes[0] <= batcher_module.MAX_COLLECT_SECONDS / batcher_module.IDLE_GAP_SECONDS / 0.9 + 2


def test_a_failed_item_does_not_fail_the_batch(backend):
    async def run():
        batcher = Batcher(backend.work, "test")
        results = await asyncio.gather(*(batcher.submit(item) for item in (1, 13, 3)), return_exceptions=True)
        await batcher.close()
        return results

    first, failed, third = asyncio.run(run())
    assert (first, third) == (2, 6)
    assert isinstance(failed, ValueError)


def test_items_without_a_waiter_go_with_the_next_batch_or_on_close(backend):
    async def run():
        batcher = Batcher(backend.work, "test")
        await batcher.submit_nowait(1)
        await batcher.submit_nowait(2)
        assert backend.batches == []
        await batcher.submit(3)
        await batcher.submit_nowait(4)
        await batcher.close()

    asyncio.run(run())
    assert backend.batches == [[1, 2, 3], [4]]


def test_items_without_a_waiter_are_retried_after_a_failed_batch(backend, caplog):
    async def run():
        batcher = Batcher(backend.work, "test")
        backend.is_down = True
        await batcher.submit_nowait(1)
        await batcher.flush()
        with pytest.raises(ConnectionError):
            await batcher.submit(2)
        backend.is_down = False
        await batcher.submit(3)
        await batcher.close()

    asyncio.run(run())
    assert backend.batches == [[1, 3]]
    assert "batch_items_not_stored batcher=test items=1" in caplog.text


def test_a_full_queue_makes_the_caller_wait_and_drops_nothing(backend, monkeypatch):
    monkeypatch.setattr(batcher_module, "MAX_PENDING", 2)

    async def run():
        batcher = Batcher(backend.work, "test")
        for item in range(1, 6):
            await batcher.submit_nowait(item)
        await batcher.close()

    asyncio.run(run())
    assert [item for batch in backend.batches for item in batch] == [1, 2, 3, 4, 5]


def test_closing_during_a_batch_processes_everything_pending(backend):
    async def run():
        batcher = Batcher(backend.work, "test")
        backend.gate.clear()
        first = asyncio.create_task(batcher.submit(1))
        await asyncio.sleep(0.01)
        for item in (2, 3):
            await batcher.submit_nowait(item)
        asyncio.get_running_loop().call_later(0.01, backend.gate.set)
        await batcher.close()
        await first

    asyncio.run(run())
    assert backend.batches == [[1], [2, 3]]
