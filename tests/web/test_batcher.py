"""Gathering: what comes together goes together, in its order; what nobody waits for is not lost."""

from __future__ import annotations

import asyncio
import selectors
import threading

import pytest

from nps_connect.web import batcher
from nps_connect.web.batcher import Batcher


class ApplicationHarness:
    """Doubles numbers, batch by batch; a 13 goes wrong, and while it is closed everything does."""

    def __init__(self):
        self.batches, self.closed = [], False
        self.gate = threading.Event()
        self.gate.set()

    def work(self, asks):
        self.gate.wait(10)
        if self.closed:
            raise ConnectionError("the database is away")
        self.batches.append(list(asks))
        return [ValueError("13") if one == 13 else 2 * one for one in asks]


@pytest.fixture
def application():
    return ApplicationHarness()


def test_asks_of_one_moment_go_together_and_each_gets_its_own_answer(application):
    async def scene():
        gathering = Batcher(application.work, "test")
        answers = await asyncio.gather(*(gathering.ask(one) for one in range(5)))
        await gathering.close()
        return answers

    assert asyncio.run(scene()) == [0, 2, 4, 6, 8]
    assert application.batches == [[0, 1, 2, 3, 4]]


def test_those_who_come_while_the_house_works_go_together_in_the_next_round(application):
    async def scene():
        gathering = Batcher(application.work, "test")
        application.gate.clear()
        first = asyncio.create_task(gathering.ask(1))
        await asyncio.sleep(0.01)
        later = [asyncio.create_task(gathering.ask(one)) for one in (2, 3)]
        await asyncio.sleep(0)
        application.gate.set()
        answers = await asyncio.gather(first, *later)
        await gathering.close()
        return answers

    assert asyncio.run(scene()) == [2, 4, 6]
    assert application.batches == [[1], [2, 3]]


class Stepping(asyncio.SelectorEventLoop):
    """A loop whose clock goes on when there is nothing to do, and only then."""

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


def rounds_of(application, first, later, gap):
    """The sizes of the rounds after one of `first` asks, when `later` ones come with gaps; and the last one's wait."""

    async def scene():
        gathering, loop = Batcher(application.work, "test"), asyncio.get_running_loop()
        await asyncio.gather(*(gathering.ask(1) for _ in range(first)))
        asked = []
        for _ in range(later):
            asked.append(asyncio.create_task(gathering.ask(1)))
            begun = loop.time()
            await asyncio.sleep(gap)
        await asyncio.gather(*asked)
        waited = loop.time() - begun
        await gathering.close()
        return waited

    with asyncio.Runner(loop_factory=Stepping) as runner:
        waited = runner.run(scene())
    return [len(batch) for batch in application.batches[1:]], waited


def test_a_round_of_half_the_last_one_begins_at_once(application):
    assert rounds_of(application, first=8, later=4, gap=0) == ([4], 0)


def test_a_smaller_round_waits_while_others_keep_coming_and_no_longer(application):
    sizes, waited = rounds_of(application, first=80, later=10, gap=batcher.IDLE_GAP_SECONDS * 0.9)
    assert sizes == [10]
    assert waited <= 3 * batcher.IDLE_GAP_SECONDS


def test_who_keeps_coming_does_not_put_a_round_off_for_ever(application):
    sizes, _waited = rounds_of(application, first=400, later=60, gap=batcher.IDLE_GAP_SECONDS * 0.9)
    assert len(sizes) > 1
    assert sizes[0] <= batcher.MAX_COLLECT_SECONDS / batcher.IDLE_GAP_SECONDS / 0.9 + 2


def test_what_goes_wrong_with_one_does_not_fail_the_others(application):
    async def scene():
        gathering = Batcher(application.work, "test")
        answers = await asyncio.gather(*(gathering.ask(one) for one in (1, 13, 3)), return_exceptions=True)
        await gathering.close()
        return answers

    one, wrong, three = asyncio.run(scene())
    assert (one, three) == (2, 6)
    assert isinstance(wrong, ValueError)


def test_what_nobody_waits_for_goes_before_the_next_ask_or_at_the_end(application):
    async def scene():
        gathering = Batcher(application.work, "test")
        await gathering.submit_nowait(1)
        await gathering.submit_nowait(2)
        assert application.batches == []
        await gathering.ask(3)
        await gathering.submit_nowait(4)
        await gathering.close()

    asyncio.run(scene())
    assert application.batches == [[1, 2, 3], [4]]


def test_what_was_left_is_tried_again_when_the_house_could_not_work(application, caplog):
    async def scene():
        gathering = Batcher(application.work, "test")
        application.closed = True
        await gathering.submit_nowait(1)
        await gathering.settle()
        with pytest.raises(ConnectionError):
            await gathering.ask(2)
        application.closed = False
        await gathering.ask(3)
        await gathering.close()

    asyncio.run(scene())
    assert application.batches == [[1, 3]]
    assert "not written down: visits=1" in caplog.text


def test_nothing_is_dropped_where_too_much_was_left_the_next_has_to_wait(application, monkeypatch):
    monkeypatch.setattr(batcher, "MAX_PENDING", 2)

    async def scene():
        kept = Batcher(application.work, "test")
        for one in range(1, 6):
            await kept.submit_nowait(one)
        await kept.close()

    asyncio.run(scene())
    assert [one for batch in application.batches for one in batch] == [1, 2, 3, 4, 5]


def test_an_end_while_the_house_works_leaves_nothing_behind(application):
    async def scene():
        gathering = Batcher(application.work, "test")
        application.gate.clear()
        asked = asyncio.create_task(gathering.ask(1))
        await asyncio.sleep(0.01)
        for one in (2, 3):
            await gathering.submit_nowait(one)
        asyncio.get_running_loop().call_later(0.01, application.gate.set)
        await gathering.close()
        await asked

    asyncio.run(scene())
    assert application.batches == [[1], [2, 3]]
