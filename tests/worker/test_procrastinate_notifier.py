"""The carrier of a cluster: a wake-up reaches one listening process within milliseconds, and survives the database."""

from __future__ import annotations

import time

import psycopg
import pytest
from sqlalchemy import text

from nps_connect.ledger.procrastinate_schema import PROCRASTINATE_SCHEMA
from nps_connect.ledger.schema import upgrade
from nps_connect.worker.procrastinate_notifier import ProcrastinateNotifier

pytestmark = pytest.mark.postgres


def until(condition, seconds: float = 15.0) -> bool:
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
    made: list[ProcrastinateNotifier] = []

    def make(heard=None) -> ProcrastinateNotifier:
        carrier = ProcrastinateNotifier(on_postgres.libpq_url, heard)
        made.append(carrier)
        carrier.start()
        return carrier

    yield make
    for carrier in made:
        carrier.stop()


only_postgres = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)


@only_postgres
def test_a_wake_up_reaches_one_of_those_who_listen_and_survives_cut_connections(start_notifier, on_postgres):
    heard: list[list[str]] = [[], []]
    for ears in heard:
        start_notifier(ears.append)
    door = start_notifier()
    door.wake("crm/write_score")
    assert until(lambda: any("crm/write_score" in ears for ears in heard))
    times = []
    for n in range(10):
        began = time.monotonic()
        door.wake(f"queue-{n}")
        assert until(lambda n=n: any(f"queue-{n}" in ears for ears in heard))
        times.append(time.monotonic() - began)
    assert sum(ears.count("queue-3") for ears in heard) == 1
    assert sorted(times)[5] < 0.5

    with psycopg.connect(on_postgres.libpq_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    for n in range(100):
        door.wake(f"after-{n}")
        if until(lambda: any(one.startswith("after-") for ears in heard for one in ears), 0.3):
            break
    assert any(one.startswith("after-") for ears in heard for one in ears)


@only_postgres
def test_upgrading_again_keeps_the_carriers_tables_and_another_version_gets_new_ones(on_postgres):
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
