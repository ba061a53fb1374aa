"""The log of a long-running command: one line per record on standard error, through the secret filter."""

from __future__ import annotations

import logging
from collections.abc import Callable

FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


class RedactingFormatter(logging.Formatter):
    """Takes secrets and addresses out of whole records, tracebacks included."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        super().__init__(FORMAT)
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """The record as one text without secrets."""
        return self._redact(super().format(record))


def configure_logging(redact: Callable[[str], str], *, debug: bool) -> None:
    """Send every record to standard error; libraries speak up from warnings on."""
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter(redact))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("nps_connect").setLevel(logging.DEBUG if debug else logging.INFO)
