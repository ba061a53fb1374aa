"""A PostgreSQL server for torture: one that may be killed, so it keeps what it has said that it keeps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.nursery import Nursery
from support.postgres import drop_database, fresh_database, server


@pytest.fixture(scope="session")
def durable_postgres() -> Iterator[str]:
    """The maintenance address of a server that flushes every commit."""
    with server() as maintenance:
        yield maintenance


@pytest.fixture
def empty_postgres(durable_postgres: str) -> Iterator[str]:
    """The address of a database of one's own, without a schema."""
    url = fresh_database(durable_postgres)
    yield url
    drop_database(durable_postgres, url)


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Where the processes of all tests are born."""
    with Nursery() as born:
        yield born
