"""Logging of long-running commands: one line per record on standard error, with secrets redacted."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from nps_connect.ledger.last_error import LastError, record_last_error
from nps_connect.ledger.state_dir import StateDir
from nps_connect.ledger.storage_health import find_storage_problem

MIN_INTERVAL_SECONDS = 1.0
"""Between two writes of the last error."""

FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


class RedactingFormatter(logging.Formatter):
    """Redact secrets and addresses in whole records, tracebacks included."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        super().__init__(FORMAT)
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as redacted text."""
        return self._redact(super().format(record))


class LastErrorHandler(logging.Handler):
    """Keep the newest ERROR record of this host in its state directory; of several within a second, the first.

    Args:
        state_dir: of this host.
        redact: removes secrets and addresses.
    """

    def __init__(self, state_dir: StateDir, redact: Callable[[str], str]) -> None:
        super().__init__(logging.ERROR)
        self._state_dir = state_dir
        self._redact = redact
        self._written_at = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Store the record; an exception is named, without its traceback."""
        if 0 <= record.created - self._written_at < MIN_INTERVAL_SECONDS:
            return
        self._written_at = record.created
        error = record.exc_info[1] if record.exc_info else None
        text = record.getMessage() if error is None else f"{record.getMessage()} ({type(error).__name__}: {error})"
        at = datetime.fromtimestamp(record.created, UTC)
        record_last_error(self._state_dir, LastError(at, " ".join(self._redact(text).split())))


def _is_logged_once(record: logging.LogRecord) -> bool:
    """Drop what each failed statement would log while the disk is full: the ledger logs it once a minute."""
    return record.exc_info is None or find_storage_problem(record.exc_info[1]) is None


def configure_logging(redact: Callable[[str], str], *, debug: bool, state_dir: StateDir | None = None) -> None:
    """Send all records to standard error: ours from INFO on (DEBUG with ``--debug``), libraries' from WARNING on.

    The newest error is kept in the state directory, if there is one.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter(redact))
    handler.addFilter(_is_logged_once)
    root = logging.getLogger()
    root.handlers[:] = [handler, *([LastErrorHandler(state_dir, redact)] if state_dir is not None else [])]
    root.setLevel(logging.WARNING)
    logging.getLogger("nps_connect").setLevel(logging.DEBUG if debug else logging.INFO)
