"""The thread check fails for plugins that leave threads running after a hook call, and only for those."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from testing import acme

CHECK = "test_no_thread_outlives_its_call"


@pytest.fixture
def release():
    """An event that lets the threads of the test end."""
    event = threading.Event()
    before = set(threading.enumerate())
    yield event
    event.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(10)


def test_the_correct_plugin_passes(contract, findings):
    assert findings(contract(acme), CHECK) == []


def test_a_plugin_that_leaves_a_thread_at_every_call_fails(contract, make_broken_plugin, findings, release):
    def nps_write_scores(connection, updates):
        threading.Thread(target=release.wait, name="plugin-sender", daemon=True).start()
        return acme.nps_write_scores(connection, updates)

    [failure] = findings(contract(make_broken_plugin(nps_write_scores=nps_write_scores)), CHECK)
    assert "write_score leaves 2 threads running: plugin-sender, plugin-sender" in failure


def test_a_plugin_that_keeps_a_pool_fails(contract, make_broken_plugin, findings):
    pool = ThreadPoolExecutor(1, thread_name_prefix="plugin-pool")

    def nps_find_contacts(connection, keys):
        return pool.submit(acme.nps_find_contacts, connection, keys).result()

    failures = findings(contract(make_broken_plugin(nps_find_contacts=nps_find_contacts)), CHECK, "nps_find_contacts")
    pool.shutdown()
    assert "nps_find_contacts leaves 1 threads running: plugin-pool_0" in failures[0]


def test_a_plugin_whose_threads_end_with_the_call_passes(contract, make_broken_plugin, findings):
    def nps_write_scores(connection, updates):
        with ThreadPoolExecutor(2) as pool:
            return pool.submit(acme.nps_write_scores, connection, updates).result()

    assert findings(contract(make_broken_plugin(nps_write_scores=nps_write_scores)), CHECK) == []
