"""The database is not available during work: a server restart, and a full disk."""

from __future__ import annotations

import itertools
import random
import resource
import time
from collections.abc import Callable
from contextlib import suppress
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
def test_server_restarts_and_cut_connections_lose_nothing(
    process_pool: ProcessPool, tmp_path: Path, empty_postgres: str
):
    rng = random.Random(SEED)
    faults = itertools.cycle(
        [
            lambda: restart_server(empty_postgres, crash=False),
            lambda: terminate_connections(empty_postgres),
            lambda: restart_server(empty_postgres, crash=True),
        ]
    )

    def inject_next_fault() -> None:
        next(faults)()

    with running_product(process_pool, tmp_path, SEED, empty_postgres) as environment:
        with environment.load_generator() as load_generator:
            injector = FaultInjector(inject_next_fault, torture_options.fault_count(3), rng, (1.0, 3.0))
            injector.start()
            injector.finish()
        torture_options.append_report(
            "server restarted, connections cut, PostgreSQL",
            SEED,
            environment.verify(load_generator),
            faults=injector.injected_count,
        )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_temporarily_full_disk_loses_nothing(process_pool: ProcessPool, tmp_path: Path):
    with running_product(process_pool, tmp_path, SEED) as environment:
        run_with_full_disk(environment, lambda: reject_writes(environment, 1.5), "no file can be written, SQLite")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_temporarily_full_file_system_loses_nothing(process_pool: ProcessPool, small_file_system: Path):
    with running_product(process_pool, small_file_system, SEED) as environment:
        run_with_full_disk(environment, lambda: fill_disk(small_file_system, 1.5), "file system full, SQLite")


def run_with_full_disk(environment: ProductEnvironment, fill: Callable[[], None], what: str) -> None:
    with environment.load_generator() as load_generator:
        injector = FaultInjector(fill, torture_options.fault_count(2), random.Random(SEED), (0.5, 2.0))
        injector.start()
        injector.finish()
    torture_options.append_report(what, SEED, environment.verify(load_generator), faults=injector.injected_count)


def fill_disk(folder: Path, seconds: float) -> None:
    """Fill a file system for some time, to the last byte; logs, database and state directory are on it."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for block_size in (65_536, 1):
            with suppress(OSError):
                while file.write(bytes(block_size)):
                    pass
    time.sleep(seconds)
    filler.unlink()


def reject_writes(environment: ProductEnvironment, seconds: float) -> None:
    """Make every write of the product to a file fail for some time, by a file size limit of 0."""
    child = environment.process_group.processes[0].child
    assert child is not None
    _, hard_limit = resource.prlimit(child.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (0, hard_limit))
    time.sleep(seconds)
    resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (hard_limit, hard_limit))
