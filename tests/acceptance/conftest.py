"""A PostgreSQL server for torture: one that may be killed, so it keeps what it has said that it keeps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.postgres import create_database, drop_database, postgres_server
from support.process_pool import ProcessPool


@pytest.fixture(scope="session")
def durable_postgres() -> Iterator[str]:
    """The maintenance address of a server that flushes every commit."""
    with postgres_server() as maintenance:
        yield maintenance


@pytest.fixture
def empty_postgres(durable_postgres: str) -> Iterator[str]:
    """The address of a database of one's own, without a schema."""
    url = create_database(durable_postgres)
    yield url
    drop_database(durable_postgres, url)


@pytest.fixture(scope="session")
def process_pool() -> Iterator[ProcessPool]:
    """Where the processes of all tests are born."""
    with ProcessPool() as born:
        yield born
