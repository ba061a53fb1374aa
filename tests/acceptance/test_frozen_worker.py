"""A process stops for longer than its lease, in the middle of a delivery, and then goes on where it was: a zombie."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlmodel import col
from support import torture_options
from support.process_group import FaultInjector, ManagedProcess
from support.process_pool import ProcessPool
from support.product_environment import ProductEnvironment, running_product

from nps_connect.ledger.claims import LEASE_DURATION
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.worker.heartbeat import HEARTBEAT_INTERVAL_SECONDS

SEED = torture_options.random_seed(61)
FREEZES = max(1, torture_options.fault_count(1) // 2)
FROZEN_SECONDS = LEASE_DURATION.total_seconds() + HEARTBEAT_INTERVAL_SECONDS + 2
"""Until another worker has taken over."""

MAX_TRIES = 200
FROZEN_INTERVAL_SECONDS = 2.0
"""The time between two customers while a process is frozen: work goes on, and hundreds of customers prove no more."""

GRACE_SECONDS = 0.5
"""The time in which the processes that go on settle what they have started."""


def started_deliveries(ledger: Ledger) -> set[tuple[int, str]]:
    """Return id and lease token of the deliveries that have started and are not settled."""
    query = select(DeliveryRow.id, DeliveryRow.lease_token).where(
        col(DeliveryRow.state) == "running", col(DeliveryRow.started_at).is_not(None)
    )
    with ledger.read() as session:
        return {(row.id, row.lease_token) for row in session.execute(query)}


def freeze_within_a_delivery(process: ManagedProcess, database_url: str) -> bool:
    """Freeze a process that has started a delivery and not settled it; return False if it never does."""
    ledger = Ledger(database_url)
    try:
        for _ in range(MAX_TRIES):
            process.freeze()
            started = started_deliveries(ledger)
            if started:
                time.sleep(GRACE_SECONDS)
                if started & started_deliveries(ledger):
                    return True
            process.thaw()
            time.sleep(0.02)
        return False
    finally:
        ledger.close()


def run_with_frozen_processes(environment: ProductEnvironment, what: str) -> None:
    rng = random.Random(SEED)
    processes = environment.process_group.processes
    workers = [process for process in processes if process.command != "serve"]

    def freeze_one_worker() -> None:
        process = rng.choice(workers)
        assert freeze_within_a_delivery(process, environment.database_url), "a delivery is started"
        load_generator.interval_seconds = FROZEN_INTERVAL_SECONDS
        time.sleep(FROZEN_SECONDS)
        process.thaw()
        load_generator.interval_seconds = torture_options.event_interval_seconds()

    with environment.load_generator(scores_change=True) as load_generator:
        injector = FaultInjector(freeze_one_worker, FREEZES, rng, (3.0, 6.0))
        injector.start()
        injector.finish()
    torture_options.append_report(what, SEED, environment.verify(load_generator), faults=injector.injected_count)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_frozen_run_goes_on_without_loss_and_without_repetition(process_pool: ProcessPool, tmp_path: Path):
    with running_product(process_pool, tmp_path, SEED) as environment:
        run_with_frozen_processes(environment, "run frozen, SQLite")


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(900)
def test_a_worker_that_lost_its_leases_loses_nothing_and_repeats_nothing(
    process_pool: ProcessPool, tmp_path: Path, empty_postgres: str
):
    with running_product(process_pool, tmp_path, SEED, empty_postgres) as environment:
        run_with_frozen_processes(environment, "worker frozen beyond its lease, PostgreSQL")
