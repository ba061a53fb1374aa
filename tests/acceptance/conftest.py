"""Fixtures of the fault tests: a durable PostgreSQL server, which tests may kill, and a process pool."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.postgres import create_database, drop_database, postgres_server
from support.process_clock import faketime_pool
from support.process_pool import ProcessPool

FILE_SYSTEM_SIZE = "64m"


@pytest.fixture(scope="session")
def durable_postgres() -> Iterator[str]:
    """The maintenance address of a server that flushes every commit to disk."""
    with postgres_server() as maintenance:
        yield maintenance


@pytest.fixture
def empty_postgres(durable_postgres: str) -> Iterator[str]:
    """The address of a new database without a schema."""
    url = create_database(durable_postgres)
    yield url
    drop_database(durable_postgres, url)


@pytest.fixture(scope="session")
def process_pool() -> Iterator[ProcessPool]:
    """The pool that starts the processes of all tests."""
    with ProcessPool() as pool:
        yield pool


@pytest.fixture
def small_file_system(tmp_path: Path) -> Iterator[Path]:
    """A folder that is a file system of its own and can be filled; only root can mount one."""
    if os.geteuid() != 0:
        pytest.skip("mounting a file system requires root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={FILE_SYSTEM_SIZE}", "tmpfs", tmp_path], check=True)
    yield tmp_path
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


@pytest.fixture(scope="session")
def clock_process_pool() -> Iterator[ProcessPool]:
    """A pool of processes whose clocks can be set."""
    with faketime_pool() as pool:
        yield pool
