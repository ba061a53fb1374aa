"""Logging of long-running commands: one line per record on standard error, with secrets redacted."""

from __future__ import annotations

import logging
from collections.abc import Callable

from nps_connect.ledger.storage_health import find_storage_problem

FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


class RedactingFormatter(logging.Formatter):
    """Redact secrets and addresses in whole records, tracebacks included."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        super().__init__(FORMAT)
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as redacted text."""
        return self._redact(super().format(record))


def _is_logged_once(record: logging.LogRecord) -> bool:
    """Drop what each failed statement would log while the disk is full: the ledger logs it once a minute."""
    return record.exc_info is None or find_storage_problem(record.exc_info[1]) is None


def configure_logging(redact: Callable[[str], str], *, debug: bool) -> None:
    """Send all records to standard error: ours from INFO on (DEBUG with ``--debug``), libraries' from WARNING on."""
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter(redact))
    handler.addFilter(_is_logged_once)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("nps_connect").setLevel(logging.DEBUG if debug else logging.INFO)
