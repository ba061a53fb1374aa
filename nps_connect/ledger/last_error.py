"""The newest ERROR record of the log of this host, in its state directory: `status` shows it without a database."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from nps_connect.ledger.ledger import PRIVATE_FILE_MODE
from nps_connect.ledger.state_dir import StateDir

LAST_ERROR_FILE = "last-error.json"
MAX_LENGTH = 500
"""Characters of a record that are kept."""


class LastError(NamedTuple):
    """The newest record.

    Attributes:
        at: when it was logged.
        text: its message, without secrets and addresses, shortened.
    """

    at: datetime
    text: str


def record_last_error(state_dir: StateDir, error: LastError) -> None:
    """Replace the record; nothing happens if the directory does not exist or cannot be written."""
    temporary = state_dir.path / f"{LAST_ERROR_FILE}.{os.getpid()}"
    content = {"at": error.at.isoformat(), "text": error.text[:MAX_LENGTH]}
    with suppress(OSError):
        temporary.touch(mode=PRIVATE_FILE_MODE)
        temporary.write_text(json.dumps(content), encoding="utf-8")
        temporary.replace(state_dir.path / LAST_ERROR_FILE)


def load_last_error(state_dir: StateDir) -> LastError | None:
    """Load the record; None if there is none that can be read."""
    try:
        content = json.loads((state_dir.path / LAST_ERROR_FILE).read_text(encoding="utf-8"))
        return LastError(datetime.fromisoformat(content["at"]), str(content["text"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None
