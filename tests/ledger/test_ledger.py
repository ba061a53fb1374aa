"""`FairLock`: threads get the lock in the order of their requests, and one thread cannot take it twice."""

from __future__ import annotations

import threading
import time

import pytest

from nps_connect.ledger.ledger import FairLock


def wait_until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.001)
    return condition()


def test_waiting_threads_get_the_lock_in_the_order_of_their_requests():
    lock, served = FairLock(), []

    def wait(number):
        with lock.hold():
            served.append(number)

    threads = [threading.Thread(target=wait, args=(number,)) for number in range(8)]
    with lock.hold():
        for count, thread in enumerate(threads, start=1):
            thread.start()
            assert wait_until(lambda count=count: len(lock._waiters) == count)
        assert served == []
    for thread in threads:
        thread.join(10)
    assert served == list(range(8))


def test_a_thread_that_releases_does_not_overtake_a_waiting_one():
    lock, served = FairLock(), []

    def wait():
        with lock.hold():
            served.append("waiting")

    thread = threading.Thread(target=wait)
    with lock.hold():
        thread.start()
        assert wait_until(lambda: bool(lock._waiters))
    with lock.hold():
        served.append("busy")
    thread.join(10)
    assert served == ["waiting", "busy"]


def test_an_exception_releases_the_lock():
    lock = FairLock()
    with pytest.raises(ValueError, match="broken"), lock.hold():
        raise ValueError("broken")
    with lock.hold():
        pass


def test_acquiring_twice_in_one_thread_raises_instead_of_deadlocking():
    lock = FairLock()
    with lock.hold(), pytest.raises(RuntimeError, match="a write within a write"), lock.hold():
        pass
    with lock.hold():
        pass
