"""The wait of a long-running command, at its start, for a database that cannot be used yet."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from nps_connect.errors import ConfigError

if TYPE_CHECKING:
    from nps_connect.ledger.ledger import Ledger

log = logging.getLogger(__name__)

DATABASE_RETRY_SECONDS = 1.0
DATABASE_WAIT_SECONDS = 60.0
"""How long a process waits at its start for PostgreSQL, and for the lock of an SQLite file."""

LOCK_PROBE_SECONDS = 0.2
"""How long one look at an SQLite file waits for its lock: SQLite reacts to no signal meanwhile."""


def wait_for_database(
    ledger: Ledger, *, sleep: Callable[[float], bool], monotonic: Callable[[], float] = time.monotonic
) -> None:
    """Wait until the database can be used, for a minute at most.

    In a cluster PostgreSQL may start later than this process, and another program may have locked an SQLite file.

    Args:
        ledger: the database.
        sleep: waits for a number of seconds; returns True if the process is to stop.
        monotonic: source of elapsed time, in seconds.

    Raises:
        ConfigError: it could not be used in this time, it is an SQLite file that has another problem than a lock, or
            its schema is not current.
        click.exceptions.Exit: the process is to stop.
    """
    from nps_connect.ledger.host_facts import find_lock_holder
    from nps_connect.ledger.schema import require_current_schema
    from nps_connect.ledger.storage_health import LOCKED

    deadline, is_logged = monotonic() + DATABASE_WAIT_SECONDS, False
    while True:
        try:
            _probe_database(ledger)
            break
        except ConfigError as error:
            if monotonic() >= deadline or (ledger.is_sqlite and error.problem != LOCKED.text):
                raise
            holder = find_lock_holder(ledger.file) if ledger.file is not None else None
            if not is_logged:
                reason = error.problem if holder is None else f"{error.problem} (pid {holder})"
                log.warning('database_awaited seconds=%d reason="%s"', DATABASE_WAIT_SECONDS, reason)
            is_logged = True
        if sleep(DATABASE_RETRY_SECONDS):
            raise click.exceptions.Exit(0)
    require_current_schema(ledger)


def _probe_database(ledger: Ledger) -> None:
    """Check without a long wait that the database can be used.

    Raises:
        ConfigError: it cannot.
    """
    from nps_connect.ledger.ledger import Ledger as ProbeLedger

    if not ledger.is_sqlite:
        ledger.ping()
        return
    url = ledger.engine.url.render_as_string(hide_password=False)
    probe = ProbeLedger(url, timeout_seconds=LOCK_PROBE_SECONDS)
    try:
        probe.ping(writes=True)
    finally:
        probe.close()
