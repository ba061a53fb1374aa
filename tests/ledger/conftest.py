"""Fixtures of the ledger's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.postgres import create_database, drop_database

from nps_connect.ledger import all_tables, schema  # noqa: F401  # all_tables completes the metadata
from nps_connect.ledger.ledger import Ledger


@pytest.fixture
def empty_ledger(database_url, request, tmp_path) -> Iterator[Ledger]:
    """A new database without tables."""
    if database_url.startswith("sqlite"):
        ledger = Ledger(f"sqlite:///{tmp_path / 'new.db'}", create=True)
        yield ledger
        ledger.close()
        return
    maintenance = request.getfixturevalue("postgres")
    url = create_database(maintenance)
    ledger = Ledger(url)
    yield ledger
    ledger.close()
    drop_database(maintenance, url)
