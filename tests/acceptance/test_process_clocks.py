"""The clock of a process is wrong for some seconds, and then right again: nothing is lost, nothing happens twice."""

from __future__ import annotations

import itertools
import random
import time
from datetime import timedelta
from pathlib import Path

import pytest
from support import torture_options
from support.process_group import FaultInjector
from support.process_pool import ProcessPool
from support.product_environment import ProductEnvironment, running_product

SEED = torture_options.random_seed(51)
OFFSETS = [timedelta(days=1), timedelta(seconds=45), timedelta(days=-1), timedelta(seconds=-45)]
"""More than a lease, and more than the period of every job and quota."""

WRONG_SECONDS = (4.0, 9.0)
"""How long a clock is wrong: a process notices it after a second, and sends a heartbeat every eight seconds."""


def run_with_wrong_clocks(environment: ProductEnvironment, what: str) -> None:
    rng, offsets = random.Random(SEED), itertools.cycle(OFFSETS)

    def set_one_clock_for_seconds() -> None:
        process = rng.choice(environment.process_group.processes)
        process.clock.set(next(offsets))
        time.sleep(rng.uniform(*WRONG_SECONDS))
        process.clock.set(timedelta(0))

    with environment.load_generator() as load_generator:
        injector = FaultInjector(set_one_clock_for_seconds, torture_options.fault_count(2), rng, (0.5, 2.0))
        injector.start()
        injector.finish()
    torture_options.append_report(what, SEED, environment.verify(load_generator), faults=injector.injected_count)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_wrong_clock_of_run_loses_nothing_and_repeats_nothing(clock_process_pool: ProcessPool, tmp_path: Path):
    with running_product(clock_process_pool, tmp_path, SEED) as environment:
        run_with_wrong_clocks(environment, "clock wrong, SQLite")


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(900)
def test_wrong_clocks_of_single_processes_lose_nothing_and_repeat_nothing(
    clock_process_pool: ProcessPool, tmp_path: Path, empty_postgres: str
):
    with running_product(clock_process_pool, tmp_path, SEED, empty_postgres) as environment:
        run_with_wrong_clocks(environment, "clock of a process wrong, PostgreSQL")


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(900)
def test_a_worker_that_is_always_45_seconds_ahead_leaves_no_mail_to_the_operator(
    clock_process_pool: ProcessPool, tmp_path: Path, empty_postgres: str
):
    with running_product(clock_process_pool, tmp_path, SEED, empty_postgres) as environment:
        *_, worker = environment.process_group.processes
        worker.stop()
        worker.clock.set(timedelta(seconds=45))
        worker.start()
        worker.wait_until_ready()
        with environment.load_generator() as load_generator:
            time.sleep(torture_options.customer_count(10))
        end_state = environment.verify(load_generator)
        torture_options.append_report("worker 45 s ahead, PostgreSQL", SEED, end_state, faults=1)
        assert end_state.held == 0
