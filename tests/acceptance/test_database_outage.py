"""The database goes away in the middle: a server that is restarted, and a disk that is full."""

from __future__ import annotations

import itertools
import random
import resource
import time
from pathlib import Path

import pytest
from support import torture_options
from support.postgres_faults import restart_server, terminate_connections
from support.process_group import FaultInjector
from support.process_pool import ProcessPool
from support.product_environment import ProductEnvironment, running_product

SEED = torture_options.random_seed(21)


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(900)
def test_a_server_that_is_restarted_and_hangs_up_in_the_middle_costs_nothing(
    process_pool: ProcessPool, tmp_path: Path, empty_postgres: str
):
    chance = random.Random(SEED)
    troubles = itertools.cycle(
        [
            lambda: restart_server(empty_postgres, crash=False),
            lambda: terminate_connections(empty_postgres),
            lambda: restart_server(empty_postgres, crash=True),
        ]
    )

    def trouble() -> None:
        next(troubles)()

    with running_product(process_pool, tmp_path, SEED, empty_postgres) as world:
        with world.load_generator() as load_generator:
            torment = FaultInjector(trouble, torture_options.fault_count(3), chance, (1.0, 3.0))
            torment.start()
            torment.finish()
        torture_options.append_report(
            "server restarted, connections cut, PostgreSQL", SEED, world.account(load_generator), faults=torment.done
        )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_disk_that_is_full_for_a_while_costs_nothing(process_pool: ProcessPool, tmp_path: Path):
    with running_product(process_pool, tmp_path, SEED) as world:
        with world.load_generator() as load_generator:
            torment = FaultInjector(
                lambda: fill_the_disk(world, 1.5), torture_options.fault_count(2), random.Random(SEED), (0.5, 2.0)
            )
            torment.start()
            torment.finish()
        torture_options.append_report("disk full, SQLite", SEED, world.account(load_generator), faults=torment.done)


def fill_the_disk(world: ProductEnvironment, seconds: float) -> None:
    """For a while no file can be written to by the product: the kernel refuses every byte."""
    child = world.fleet.processes[0].child
    assert child is not None
    _, most = resource.prlimit(child.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (0, most))
    time.sleep(seconds)
    resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (most, most))
