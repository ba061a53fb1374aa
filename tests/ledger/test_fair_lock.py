"""Turns: whoever comes first is served first, and one thread has one turn at a time."""

from __future__ import annotations

import threading
import time

import pytest

from nps_connect.ledger.fair_lock import FairLock


def until(true, seconds=10.0):
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.001)
    return true()


def test_those_who_wait_are_served_in_the_order_in_which_they_came():
    turns, served = FairLock(), []

    def wait(number):
        with turns:
            served.append(number)

    threads = [threading.Thread(target=wait, args=(number,)) for number in range(8)]
    with turns:
        for count, thread in enumerate(threads, start=1):
            thread.start()
            assert until(lambda count=count: len(turns._waiting) == count)
        assert served == []
    for thread in threads:
        thread.join(10)
    assert served == list(range(8))


def test_a_busy_thread_does_not_overtake_one_that_waits():
    turns, served = FairLock(), []

    def wait():
        with turns:
            served.append("waiting")

    thread = threading.Thread(target=wait)
    with turns:
        thread.start()
        assert until(lambda: bool(turns._waiting))
    with turns:
        served.append("busy")
    thread.join(10)
    assert served == ["waiting", "busy"]


def test_an_error_gives_the_turn_on():
    turns = FairLock()
    with pytest.raises(ValueError, match="broken"), turns:
        raise ValueError("broken")
    with turns:
        pass


def test_a_turn_within_a_turn_is_refused_at_once_instead_of_waited_for_for_ever():
    turns = FairLock()
    with turns, pytest.raises(RuntimeError, match="a write within a write"):
        turns.__enter__()
    with turns:
        pass
