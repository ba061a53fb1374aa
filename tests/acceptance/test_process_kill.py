"""SIGKILL at moments left to chance, again and again: nothing is lost, nothing happens twice."""

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


def killing(world: ProductEnvironment, times: int) -> FaultInjector:
    return FaultInjector(kill_and_restart_one(world.fleet, random.Random(SEED)), times, random.Random(SEED))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_run_killed_at_any_moment_loses_nothing_and_doubles_nothing(process_pool: ProcessPool, tmp_path: Path):
    with running_product(process_pool, tmp_path, SEED) as world:
        with world.load_generator(minds_change=LONG) as load_generator:
            killer = killing(world, torture_options.kill_count(6))
            killer.start()
            killer.finish()
        torture_options.append_report("run killed, SQLite", SEED, world.account(load_generator), kills=killer.done)


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(900)
def test_web_and_workers_killed_and_connections_cut_lose_nothing_and_double_nothing(
    process_pool: ProcessPool, tmp_path: Path, empty_postgres: str
):
    with running_product(process_pool, tmp_path, SEED, empty_postgres) as world:
        with world.load_generator(minds_change=LONG) as load_generator:
            killer = killing(world, torture_options.kill_count(6))
            killer.start()
            assert terminate_connections(empty_postgres) > 0
            killer.finish()
        torture_options.append_report(
            "serve and workers killed, PostgreSQL", SEED, world.account(load_generator), kills=killer.done
        )
