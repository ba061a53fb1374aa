"""The token store: values are encrypted and durable; one worker at a time refreshes a token."""

from __future__ import annotations

import random
import threading
import time

import pytest
from sqlalchemy import select

from nps_connect import RetryLater
from nps_connect.connection import system_clock
from nps_connect.ledger.tokens import LedgerTokenStore, TokenRow


def store(ledger, *keys: str, name: str = "helpdesk", **options) -> LedgerTokenStore:
    parts = {"clock": system_clock, "sleep": time.sleep, "random": random.Random()} | options
    return LedgerTokenStore(ledger, name, keys or ("first-key-of-tests",), **parts)


def test_a_value_is_stored_encrypted(ledger):
    store(ledger).write("refresh", "very-secret")
    store(ledger).write("refresh", "more-secret")
    assert store(ledger).read("refresh") == "more-secret"
    with ledger.read() as session:
        assert b"secret" not in session.execute(select(TokenRow.value)).scalar()


def test_old_keys_decrypt_and_a_missing_key_means_no_token(ledger):
    store(ledger, "old-key-of-tests").write("refresh", "x")
    assert store(ledger, "new-key-of-tests", "old-key-of-tests").read("refresh") == "x"
    assert store(ledger, "new-key-of-tests").read("refresh") is None


def test_tokens_are_separate_per_connection(ledger):
    store(ledger).write("refresh", "x")
    assert store(ledger, name="other").read("refresh") is None


def test_only_one_worker_refreshes_at_a_time(ledger):
    inside, counts = [], []

    def refresh() -> None:
        with store(ledger, sleep=lambda _s: time.sleep(0.002)).exclusive("refresh"):
            inside.append(1)
            counts.append(len(inside))
            time.sleep(0.005)
            inside.pop()

    threads = [threading.Thread(target=refresh) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert counts == [1] * 6


def test_the_lock_of_a_dead_holder_expires_with_its_lease(ledger, clock):
    holder = store(ledger, clock=clock, sleep=clock.sleep)
    dead_holder_lock = holder.exclusive("refresh")
    dead_holder_lock.__enter__()
    with pytest.raises(RetryLater), store(ledger, clock=clock, sleep=clock.sleep).exclusive("refresh"):
        pass
    clock.forward("20s")
    with store(ledger, clock=clock, sleep=clock.sleep).exclusive("refresh"):
        assert holder.read("refresh") is None
