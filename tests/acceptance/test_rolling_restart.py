"""A version is replaced: one process after the other ends in good order and starts again, while work goes on."""

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


def roll(world: ProductEnvironment) -> None:
    for process in world.fleet.processes:
        assert process.stop() == 0, process.log_tail()
        process.start()
        process.wait_until_up()


def states(database_url: str) -> set[str]:
    ledger = Ledger(database_url)
    try:
        with ledger.read() as session:
            return set(session.execute(select(DeliveryRow.state)).scalars())
    finally:
        ledger.close()


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(900)
def test_processes_that_are_replaced_one_by_one_leave_nothing_in_doubt(
    process_pool: ProcessPool, tmp_path: Path, empty_postgres: str
):
    with running_product(process_pool, tmp_path, SEED, empty_postgres) as world:
        with world.load_generator() as load_generator:
            torment = FaultInjector(
                lambda: roll(world), torture_options.fault_count(1), random.Random(SEED), (0.5, 2.0)
            )
            torment.start()
            torment.finish()
        accounts = world.account(load_generator)
        assert accounts.held == 0, "what runs is finished, what has not started is given back"
        assert accounts.mails == accounts.people
        torture_options.append_report("rolling restart, PostgreSQL", SEED, accounts, faults=torment.done)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_sigterm_leaves_nothing_running_and_the_next_start_goes_on(process_pool: ProcessPool, tmp_path: Path):
    with running_product(process_pool, tmp_path, SEED) as world:
        with world.load_generator(every=0.05) as load_generator:
            assert world.demo.sandbox.mailbox.wait_until(bool, 60), "mail has begun to go out"
            process = world.fleet.processes[0]
            assert process.stop() == 0
            assert states(world.database_url) <= {"succeeded", "pending", "cancelled"}
            process.start()
            process.wait_until_up()
        accounts = world.account(load_generator)
        assert accounts.held == 0
        assert accounts.mails == accounts.people
