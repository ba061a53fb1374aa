"""The engine: most urgent first, every queue by one thread at a time, ends in good order, outlives failures."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest

from nps_connect.connection import system_clock
from nps_connect.ledger.leases import Leases
from nps_connect.worker import engine as engines
from nps_connect.worker.engine import Engine


class FakeLane:
    """A queue with so many pieces of work; notes who worked on it."""

    def __init__(
        self,
        name: str,
        work: int = 0,
        hold: threading.Event | None = None,
        fails: int = 0,
        connection: str | None = None,
    ) -> None:
        self.name, self.connection = name, connection or name
        self.left, self.hold, self.fails = work, hold, fails
        self.active = self.most_active = self.done = 0
        self.order: list[str] = []
        self.started = threading.Event()

    def next_due(self, ctx):
        return ctx.clock() if self.left else None

    def drain(self, stopping) -> int:
        self.active += 1
        self.most_active = max(self.most_active, self.active)
        self.started.set()
        try:
            if self.fails:
                self.fails -= 1
                raise OSError("the database is away")
            if self.hold is not None:
                self.hold.wait(10)
            self.left -= 1
            self.done += 1
            return 1
        finally:
            self.active -= 1


@pytest.fixture
def run():
    engines_made: list[Engine] = []

    def start(*queues: FakeLane, threads: int = 4, **concurrency: int) -> Engine:
        engine = Engine(SimpleNamespace(clock=system_clock, leases=Leases()), list(queues), threads, concurrency)
        engines_made.append(engine)
        engine.start()
        return engine

    yield start
    for engine in engines_made:
        engine.stop(5)


def until(condition, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


def test_all_work_of_all_queues_is_done(run):
    queues = [FakeLane(f"queue-{n}", work=20) for n in range(3)]
    run(*queues)
    assert until(lambda: all(queue_name.done == 20 for queue_name in queues))


def test_a_woken_queue_gets_more_threads_but_leaves_room_for_the_connections_other_queues(run):
    gate = threading.Event()
    huge = FakeLane("huge", work=50, hold=gate, connection="crm")
    other = FakeLane("other", work=1, connection="crm")
    engine = run(huge, threads=8, crm=3)
    for _ in range(20):
        engine.wake("huge")
        time.sleep(0.005)
    assert huge.most_active == 2
    gate.set()
    assert until(lambda: huge.done >= 3)
    assert other.done == 0


def test_slow_connections_never_take_the_last_thread_of_another(run):
    gate = threading.Event()
    slow = [FakeLane(f"slow-{n}", work=9, hold=gate) for n in range(3)]
    quick = FakeLane("quick", work=10)
    engine = run(*slow, quick, threads=1)
    for queue_name in slow:
        engine.wake(queue_name.name)
        engine.wake(queue_name.name)
    assert until(lambda: quick.done == 10)
    gate.set()


def test_a_queue_that_has_waited_goes_before_a_more_urgent_one_that_never_ends(run, monkeypatch):
    monkeypatch.setattr(engines, "STARVATION_LIMIT", timedelta(milliseconds=20))
    huge = FakeLane("huge", work=10_000_000, connection="crm")
    small = FakeLane("small", work=3, connection="crm")
    run(huge, small, threads=1, crm=1)
    assert until(lambda: small.done == 3)
    assert huge.left > 0


def test_a_thread_that_hangs_is_given_up_and_replaced(run):
    gate = threading.Event()
    queue_name = FakeLane("queue_name", work=2, hold=gate)
    engine = run(queue_name, threads=1)
    assert queue_name.started.wait(10)
    [hand] = engine._ctx.leases.abandon_stalled(-1)
    engine.replace_thread(hand.queue_name)
    assert until(lambda: queue_name.active >= 2)
    assert not hand.tokens
    gate.set()
    assert until(lambda: queue_name.done >= 2)
    assert engine.stop(5)


def test_a_slow_queue_does_not_stop_the_others(run):
    gate = threading.Event()
    slow, quick = FakeLane("slow", work=1, hold=gate), FakeLane("quick", work=10)
    run(slow, quick, threads=2)
    assert slow.started.wait(10)
    assert until(lambda: quick.done == 10)
    assert slow.done == 0
    gate.set()
    assert until(lambda: slow.done == 1)


def test_a_wake_up_is_heard_at_once_even_while_the_queue_is_busy(run, monkeypatch):
    monkeypatch.setattr(engines, "POLL_INTERVAL", timedelta(hours=1))
    queue_name = FakeLane("queue_name")
    engine = run(queue_name)
    time.sleep(0.05)
    queue_name.left = 1
    engine.wake("queue_name")
    assert until(lambda: queue_name.done == 1)


def test_a_failing_queue_is_tried_again_and_the_engine_lives_on(run, monkeypatch):
    monkeypatch.setattr(engines, "QUEUE_ERROR_BACKOFF", timedelta(milliseconds=5))
    queue_name = FakeLane("queue_name", work=1, fails=3)
    run(queue_name)
    assert until(lambda: queue_name.done == 1)


def test_stopping_waits_for_what_runs_and_starts_nothing_new(run):
    gate = threading.Event()
    running, waiting = (FakeLane(name, work=5, hold=gate, connection="crm") for name in ("running", "waiting"))
    engine = run(running, waiting, threads=1, crm=1)
    assert running.started.wait(10)
    assert not engine.stop(0.05)
    gate.set()
    assert engine.stop(5)
    assert (running.done, waiting.done) == (1, 0)
