"""A rolling restart: each process is stopped gracefully and started again, one after the other, under load."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from sqlalchemy import select
from support import torture_options
from support.process_group import FaultInjector
from support.process_pool import ProcessPool
from support.product_environment import ProductEnvironment, running_product

from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import DeliveryRow

SEED = torture_options.random_seed(31)


def restart_all(environment: ProductEnvironment) -> None:
    for process in environment.process_group.processes:
        assert process.stop() == 0, process.log_tail()
        process.start()
        process.wait_until_ready()


def delivery_states(database_url: str) -> set[str]:
    ledger = Ledger(database_url)
    try:
        with ledger.read() as session:
            return set(session.execute(select(DeliveryRow.state)).scalars())
    finally:
        ledger.close()


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(900)
def test_a_rolling_restart_leaves_no_delivery_held(process_pool: ProcessPool, tmp_path: Path, empty_postgres: str):
    with running_product(process_pool, tmp_path, SEED, empty_postgres) as environment:
        with environment.load_generator() as load_generator:
            injector = FaultInjector(
                lambda: restart_all(environment), torture_options.fault_count(1), random.Random(SEED), (0.5, 2.0)
            )
            injector.start()
            injector.finish()
        end_state = environment.verify(load_generator)
        assert end_state.held == 0, "running deliveries are finished, the others are released"
        assert end_state.mails == end_state.people
        torture_options.append_report("rolling restart, PostgreSQL", SEED, end_state, faults=injector.injected_count)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_sigterm_leaves_no_delivery_running_and_the_next_start_continues(process_pool: ProcessPool, tmp_path: Path):
    with running_product(process_pool, tmp_path, SEED) as environment:
        with environment.load_generator(interval_seconds=0.05) as load_generator:
            assert environment.demo.sandbox.mailbox.wait_until(bool, 60), "the first mails are sent"
            process = environment.process_group.processes[0]
            assert process.stop() == 0
            assert delivery_states(environment.database_url) <= {"succeeded", "pending", "cancelled"}
            process.start()
            process.wait_until_ready()
        end_state = environment.verify(load_generator)
        assert end_state.held == 0
        assert end_state.mails == end_state.people
