"""The token store: encrypted, durable, renewed by one at a time."""

from __future__ import annotations

import random
import threading
import time

import pytest
from sqlalchemy import select

from nps_connect import RetryLater
from nps_connect.connection import system_clock
from nps_connect.ledger.operational_tables import TokenRow
from nps_connect.ledger.tokens import LedgerTokenStore


def store(ledger, *keys: str, name: str = "helpdesk", **more) -> LedgerTokenStore:
    parts = {"clock": system_clock, "sleep": time.sleep, "random": random.Random()} | more
    return LedgerTokenStore(ledger, name, keys or ("first-key-of-tests",), **parts)


def test_what_is_written_is_read_and_never_stands_in_the_database(ledger):
    store(ledger).write("refresh", "very-secret")
    store(ledger).write("refresh", "more-secret")
    assert store(ledger).read("refresh") == "more-secret"
    with ledger.read() as session:
        assert b"secret" not in session.execute(select(TokenRow.value)).scalar()


def test_keys_rotate_and_a_lost_key_means_no_token(ledger):
    store(ledger, "old-key-of-tests").write("refresh", "x")
    assert store(ledger, "new-key-of-tests", "old-key-of-tests").read("refresh") == "x"
    assert store(ledger, "new-key-of-tests").read("refresh") is None


def test_connections_do_not_see_each_others_tokens(ledger):
    store(ledger).write("refresh", "x")
    assert store(ledger, name="other").read("refresh") is None


def test_only_one_renews_at_a_time(ledger):
    inside, most = [], []

    def renew() -> None:
        with store(ledger, sleep=lambda _s: time.sleep(0.002)).exclusive("refresh"):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.005)
            inside.pop()

    threads = [threading.Thread(target=renew) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most == [1] * 6


def test_a_holder_that_died_is_waited_for_and_no_longer_than_its_lease(ledger, clock):
    holder = store(ledger, clock=clock, sleep=clock.sleep)
    dead = holder.exclusive("refresh")
    dead.__enter__()
    with pytest.raises(RetryLater), store(ledger, clock=clock, sleep=clock.sleep).exclusive("refresh"):
        pass
    clock.forward("20s")
    with store(ledger, clock=clock, sleep=clock.sleep).exclusive("refresh"):
        assert holder.read("refresh") is None
