"""`Engine`: priorities, fair shares of threads, graceful shutdown, and recovery from failures."""

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


class FakeQueue:
    """A queue with a number of rows, which counts the threads that drain it."""

    def __init__(
        self,
        name: str,
        work: int = 0,
        blocker: threading.Event | None = None,
        fails: int = 0,
        connection: str | None = None,
    ) -> None:
        self.name, self.connection = name, connection or name
        self.remaining, self.blocker, self.fails = work, blocker, fails
        self.active = self.max_active = self.done = 0
        self.started = threading.Event()

    def due_at(self, now):
        """When the poll says that the first row is due."""
        return now if self.remaining else None

    def next_due(self, ctx):
        return self.due_at(ctx.clock())

    def drain(self, stopping) -> int:
        self.active += 1
        self.max_active = max(self.max_active, self.active)
        self.started.set()
        try:
            if self.fails:
                self.fails -= 1
                raise OSError("the database is away")
            if self.blocker is not None:
                self.blocker.wait(10)
            self.remaining -= 1
            self.done += 1
            return 1
        finally:
            self.active -= 1


@pytest.fixture
def run():
    engines_started: list[Engine] = []

    def start(
        *queues: FakeQueue, threads: int = 4, clock=system_clock, monotonic=time.monotonic, **concurrency
    ) -> Engine:
        context = SimpleNamespace(clock=clock, leases=Leases(monotonic))

        def load_due_times():
            due_times = {queue.name: queue.due_at(clock()) for queue in queues}
            return {name: due_at for name, due_at in due_times.items() if due_at is not None}

        engine = Engine(context, list(queues), threads, concurrency, load_due_times)
        engines_started.append(engine)
        engine.start()
        return engine

    yield start
    for engine in engines_started:
        engine.stop(5)


def wait_until(condition, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


def test_all_work_of_all_queues_is_done(run):
    queues = [FakeQueue(f"queue-{n}", work=20) for n in range(3)]
    run(*queues)
    assert wait_until(lambda: all(queue.done == 20 for queue in queues))


def test_a_woken_queue_gets_more_threads_but_not_all_of_its_connection(run):
    blocker = threading.Event()
    huge = FakeQueue("huge", work=50, blocker=blocker, connection="crm")
    other = FakeQueue("other", work=1, connection="crm")
    engine = run(huge, threads=8, crm=3)
    for _ in range(20):
        engine.wake("huge")
        time.sleep(0.005)
    assert huge.max_active == 2
    blocker.set()
    assert wait_until(lambda: huge.done >= 3)
    assert other.done == 0


def test_slow_connections_do_not_use_up_the_thread_of_another(run):
    blocker = threading.Event()
    slow = [FakeQueue(f"slow-{n}", work=9, blocker=blocker) for n in range(3)]
    quick = FakeQueue("quick", work=10)
    engine = run(*slow, quick, threads=1)
    for queue in slow:
        engine.wake(queue.name)
        engine.wake(queue.name)
    assert wait_until(lambda: quick.done == 10)
    blocker.set()


def test_a_starved_queue_precedes_one_of_higher_priority(run, monkeypatch):
    monkeypatch.setattr(engines, "STARVATION_LIMIT_SECONDS", 0.02)
    huge = FakeQueue("huge", work=10_000_000, connection="crm")
    small = FakeQueue("small", work=3, connection="crm")
    run(huge, small, threads=1, crm=1)
    assert wait_until(lambda: small.done == 3)
    assert huge.remaining > 0


def test_queues_that_take_longer_to_check_than_the_poll_interval_starve_none(run):
    elapsed = 0.0

    class SlowCheck(FakeQueue):
        def due_at(self, now):
            nonlocal elapsed
            elapsed += 0.1
            return super().due_at(now)

    idle = [SlowCheck(f"idle-{n}", connection="crm") for n in range(50)]
    last = SlowCheck("last", work=1, connection="crm")
    run(*idle, last, threads=1, monotonic=lambda: elapsed, crm=1)
    assert wait_until(lambda: last.done == 1)


def test_empty_queues_are_not_checked_one_by_one(run, monkeypatch):
    monkeypatch.setattr(engines, "POLL_INTERVAL_SECONDS", 0.01)
    checked = set()

    class CheckedQueue(FakeQueue):
        def next_due(self, ctx):
            checked.add(self.name)
            return super().next_due(ctx)

    idle, busy = [CheckedQueue(f"idle-{n}") for n in range(30)], CheckedQueue("busy", work=3)
    run(*idle, busy)
    assert wait_until(lambda: busy.done == 3)
    assert checked == {"busy"}


def test_work_of_another_process_is_found_without_a_wake_up(run, monkeypatch):
    monkeypatch.setattr(engines, "POLL_INTERVAL_SECONDS", 0.01)
    queue = FakeQueue("queue")
    run(queue)
    time.sleep(0.05)
    assert queue.done == 0
    queue.remaining = 2
    assert wait_until(lambda: queue.done == 2)


def test_polling_goes_on_after_a_failure_of_the_database(run, monkeypatch):
    monkeypatch.setattr(engines, "QUEUE_ERROR_BACKOFF_SECONDS", 0.005)

    class UnreadableQueue(FakeQueue):
        failures = 3

        def due_at(self, now):
            if self.failures:
                self.failures -= 1
                raise OSError("the database is away")
            return super().due_at(now)

    queue = UnreadableQueue("queue", work=1)
    run(queue)
    assert wait_until(lambda: queue.done == 1)
    assert queue.failures == 0


def test_a_clock_that_was_a_day_ahead_delays_no_queue(run, monkeypatch):
    monkeypatch.setattr(engines, "POLL_INTERVAL_SECONDS", 0.01)
    ahead, checks = timedelta(days=1), []

    class CountedQueue(FakeQueue):
        def due_at(self, now):
            checks.append(now)
            return super().due_at(now)

    queue = CountedQueue("queue")
    run(queue, clock=lambda: system_clock() + ahead)
    assert wait_until(lambda: len(checks) > 3)
    ahead = timedelta(0)
    queue.remaining = 1
    assert wait_until(lambda: queue.done == 1)


def test_a_hanging_thread_is_abandoned_and_replaced(run):
    blocker = threading.Event()
    queue = FakeQueue("queue", work=2, blocker=blocker)
    engine = run(queue, threads=1)
    assert queue.started.wait(10)
    [holder] = engine._ctx.leases.abandon_stalled(-1)
    engine.replace_thread(holder.queue_name)
    assert wait_until(lambda: queue.active >= 2)
    assert not holder.tokens
    blocker.set()
    assert wait_until(lambda: queue.done >= 2)
    assert engine.stop(5)


def test_a_slow_queue_does_not_block_others(run):
    blocker = threading.Event()
    slow, quick = FakeQueue("slow", work=1, blocker=blocker), FakeQueue("quick", work=10)
    run(slow, quick, threads=2)
    assert slow.started.wait(10)
    assert wait_until(lambda: quick.done == 10)
    assert slow.done == 0
    blocker.set()
    assert wait_until(lambda: slow.done == 1)


def test_a_wake_up_is_handled_before_the_poll_interval(run, monkeypatch):
    monkeypatch.setattr(engines, "POLL_INTERVAL_SECONDS", 3600.0)
    queue = FakeQueue("queue")
    engine = run(queue)
    time.sleep(0.05)
    queue.remaining = 1
    engine.wake("queue")
    assert wait_until(lambda: queue.done == 1)


def test_a_failing_queue_is_retried(run, monkeypatch):
    monkeypatch.setattr(engines, "QUEUE_ERROR_BACKOFF_SECONDS", 0.005)
    queue = FakeQueue("queue", work=1, fails=3)
    run(queue)
    assert wait_until(lambda: queue.done == 1)


def test_stop_waits_for_running_work_and_starts_no_more(run):
    blocker = threading.Event()
    running, waiting = (FakeQueue(name, work=5, blocker=blocker, connection="crm") for name in ("running", "waiting"))
    engine = run(running, waiting, threads=1, crm=1)
    assert running.started.wait(10)
    assert not engine.stop(0.05)
    blocker.set()
    assert engine.stop(5)
    assert (running.done, waiting.done) == (1, 0)
