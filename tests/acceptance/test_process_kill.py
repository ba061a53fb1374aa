"""SIGKILL at random moments: nothing is lost, nothing happens twice."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from support import torture_options
from support.postgres_faults import terminate_connections
from support.process_group import FaultInjector, kill_and_restart_one
from support.process_pool import ProcessPool
from support.product_environment import ProductEnvironment, running_product

SEED = torture_options.random_seed(11)
LONG = torture_options.is_long()


def kill_injector(environment: ProductEnvironment, count: int) -> FaultInjector:
    return FaultInjector(
        kill_and_restart_one(environment.process_group, random.Random(SEED)), count, random.Random(SEED)
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killing_run_loses_nothing_and_repeats_nothing(process_pool: ProcessPool, tmp_path: Path):
    with running_product(process_pool, tmp_path, SEED) as environment:
        with environment.load_generator(scores_change=LONG) as load_generator:
            injector = kill_injector(environment, torture_options.kill_count(6))
            injector.start()
            injector.finish()
        torture_options.append_report(
            "run killed, SQLite", SEED, environment.verify(load_generator), kills=injector.injected_count
        )


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(900)
def test_killing_serve_and_workers_and_cutting_connections_loses_nothing_and_repeats_nothing(
    process_pool: ProcessPool, tmp_path: Path, empty_postgres: str
):
    with running_product(process_pool, tmp_path, SEED, empty_postgres) as environment:
        with environment.load_generator(scores_change=LONG) as load_generator:
            injector = kill_injector(environment, torture_options.kill_count(6))
            injector.start()
            assert terminate_connections(empty_postgres) > 0
            injector.finish()
        torture_options.append_report(
            "serve and workers killed, PostgreSQL",
            SEED,
            environment.verify(load_generator),
            kills=injector.injected_count,
        )
