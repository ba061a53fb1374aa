"""A plugin that leaves threads behind is named and stopped; one that keeps a pool is not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.application import ApplicationHarness

from nps_connect.ledger import pauses
from nps_connect.services.deliveries.thread_leaks import pause_leaking_queue
from nps_connect.worker.leaks import LeakWatch


class Threads:
    """Starts threads that end when the test does."""

    def __init__(self) -> None:
        self.end = threading.Event()
        self.started: list[threading.Thread] = []

    def leak(self, number: int = 1, name: str = "plugin") -> None:
        for _ in range(number):
            thread = threading.Thread(target=self.end.wait, name=name, daemon=True)
            thread.start()
            self.started.append(thread)


@pytest.fixture
def threads() -> Iterator[Threads]:
    made = Threads()
    yield made
    made.end.set()
    for thread in made.started:
        thread.join(10)


@pytest.fixture
def told() -> list[tuple[str, int]]:
    return []


@pytest.fixture
def watch(told) -> LeakWatch:
    return LeakWatch(lambda queue_name, number: told.append((queue_name, number)), too_many=5)


def test_a_queue_that_leaves_a_thread_behind_at_every_call_is_told_once_they_are_too_many(watch, told, threads):
    for _ in range(5):
        with watch.watching("crm/write_score"):
            threads.leak()
    assert told == []
    with watch.watching("crm/write_score"):
        threads.leak()
    assert told == [("crm/write_score", 6)]


def test_a_pool_that_stops_growing_is_no_leak(watch, told):
    with ThreadPoolExecutor(4) as pool:
        for _ in range(50):
            with watch.watching("crm/write_score"):
                pool.submit(int).result()
    assert told == []


def test_threads_that_end_are_no_leak(watch, told):
    for _ in range(50):
        with watch.watching("crm/write_score"):
            thread = threading.Thread(target=int)
            thread.start()
            thread.join()
    assert told == []


def test_nobody_is_blamed_for_threads_that_another_queue_may_have_started(watch, told, threads):
    with watch.watching("crm/write_score"), watch.watching("mail/send_survey"):
        threads.leak(20)
    assert told == []
    with watch.watching("mail/send_survey"):
        threads.leak(6)
    assert told == [("mail/send_survey", 6)]


def test_our_own_threads_are_not_the_plugins(watch, told, threads):
    with watch.watching("crm/write_score"):
        threads.leak(10, "AnyIO worker thread")
        threads.leak(10, "worker-9")
    assert told == []


def test_the_queue_is_stopped_with_the_plugins_name_and_staff_are_told(ledger, clock):
    application = ApplicationHarness(ledger, clock)
    pause_leaking_queue(application.ctx, "crm/write_score", 49)
    with ledger.read() as session:
        stopped = pauses.load_pauses(session)["queue:crm/write_score"]
    assert (stopped.cause, stopped.reason) == (
        "plugin",
        "the plugin acme starts threads and never ends them: 49 live",
    )
    application.clock.forward("2m")
    application.run()
    [mail] = application.post.sent("fallback")
    assert "nps-connect resume queue:crm/write_score" in mail.text


def test_a_leak_outside_every_connection_is_only_named(ledger, clock, caplog):
    pause_leaking_queue(ApplicationHarness(ledger, clock).ctx, "jobs", 49)
    assert "49 threads were started and never ended queue=jobs" in caplog.text
