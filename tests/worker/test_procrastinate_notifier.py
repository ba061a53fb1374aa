"""`ProcrastinateNotifier`: a wake-up reaches one listening process within milliseconds, also after lost connections."""

from __future__ import annotations

import time

import psycopg
import pytest
from sqlalchemy import text

from nps_connect.ledger.procrastinate_schema import PROCRASTINATE_SCHEMA
from nps_connect.ledger.schema import upgrade
from nps_connect.worker.procrastinate_notifier import ProcrastinateNotifier

pytestmark = pytest.mark.postgres


def wait_until(condition, seconds: float = 15.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


@pytest.fixture
def on_postgres(ledger):
    if ledger.is_sqlite:
        pytest.fail("parametrize with PostgreSQL only")
    return ledger


@pytest.fixture
def start_notifier(on_postgres):
    notifiers: list[ProcrastinateNotifier] = []

    def start(on_wake=None) -> ProcrastinateNotifier:
        notifier = ProcrastinateNotifier(on_postgres.libpq_url, on_wake)
        notifiers.append(notifier)
        notifier.start()
        return notifier

    yield start
    for notifier in notifiers:
        notifier.stop()


only_postgres = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)


@only_postgres
def test_a_wake_up_reaches_one_listener_also_after_connections_are_terminated(start_notifier, on_postgres):
    received: list[list[str]] = [[], []]
    for queue_names in received:
        start_notifier(queue_names.append)
    sender = start_notifier()
    sender.wake("crm/write_score")
    assert wait_until(lambda: any("crm/write_score" in queue_names for queue_names in received))
    times = []
    for n in range(10):
        began = time.monotonic()
        sender.wake(f"queue-{n}")
        assert wait_until(lambda n=n: any(f"queue-{n}" in queue_names for queue_names in received))
        times.append(time.monotonic() - began)
    assert sum(queue_names.count("queue-3") for queue_names in received) == 1
    assert sorted(times)[5] < 0.5

    with psycopg.connect(on_postgres.libpq_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    for n in range(100):
        sender.wake(f"after-{n}")
        if wait_until(lambda: any(name.startswith("after-") for queue_names in received for name in queue_names), 0.3):
            break
    assert any(name.startswith("after-") for queue_names in received for name in queue_names)


@only_postgres
def test_upgrade_keeps_the_procrastinate_tables_and_recreates_those_of_another_version(on_postgres):
    def comment() -> str:
        with on_postgres.engine.connect() as connection:
            return connection.execute(
                text("SELECT obj_description(to_regnamespace(:n)::oid, 'pg_namespace')"), {"n": PROCRASTINATE_SCHEMA}
            ).scalar()

    now = comment()
    assert now.startswith("procrastinate ")
    upgrade(on_postgres)
    with on_postgres.engine.begin() as connection:
        connection.exec_driver_sql(f"COMMENT ON SCHEMA {PROCRASTINATE_SCHEMA} IS 'procrastinate 0'")
    upgrade(on_postgres)
    assert comment() == now
