"""The journal of suppressions: opt-outs, complaints, bounces and erasures, outside the database.

A restored backup does not know who opted out since it was taken; the journal does. A line holds reason and time in
clear, and the subject encrypted with the signing keys: a reader without a key learns nothing about a person, and a
reader with one can suppress people whom the restored database does not know.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from copy import copy
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from cryptography.fernet import InvalidToken

from nps_connect.errors import NpsConnectError
from nps_connect.ledger.ledger import PRIVATE_FILE_MODE
from nps_connect.ledger.tokens import build_fernet

log = logging.getLogger(__name__)


class JournalEntry(NamedTuple):
    """One line of a journal.

    Attributes:
        reason: of the suppression.
        at: when it was stored.
        subject: the mailbox or vendor id (see `ledger.subjects`); None if no configured key decrypts it.
    """

    reason: str
    at: datetime
    subject: str | None


class SuppressionJournal:
    """Appends to the journal of this host, and reads journals.

    Args:
        path: the file; None where the host keeps none, and appending has no effect.
        keys: the signing keys; the first encrypts, all decrypt.
    """

    def __init__(self, path: Path | None, keys: Sequence[str]) -> None:
        self.path = path
        self.problem: str | None = None
        self._unwritten: list[str] = []
        self._lock = threading.Lock()
        self._fernet = build_fernet(keys, "suppressions")

    def without_file(self) -> SuppressionJournal:
        """Return a journal with the same keys that appends nothing."""
        journal = copy(self)
        journal.path = None
        return journal

    def append(self, reason: str, subjects: Sequence[str], at: datetime) -> None:
        """Append one line per subject, durable on return.

        A failure is logged and reported by `problem`, and the lines are kept for `flush`: the suppression itself is in
        the database, and the person who opted out must not see an error.
        """
        if self.path is not None:
            with self._lock:
                self._unwritten += [self._line(reason, subject, at) for subject in subjects]
            self.flush()

    def flush(self) -> None:
        """Write the lines that could not be written before; without effect if there are none."""
        with self._lock:
            if self.path is None or not self._unwritten:
                return
            try:
                self._write("".join(f"\n{line}" for line in self._unwritten).encode())
            except OSError as error:
                if self.problem is None:
                    log.error("suppression_journal_unwritable path=%s error=%s", self.path, error.strerror)
                self.problem = f"the journal of suppressions {self.path} cannot be written ({error.strerror})"
            else:
                self._unwritten.clear()
                self.problem = None

    def read(self, path: Path) -> Iterator[JournalEntry]:
        """Read a journal, of this or another host; torn lines are left out.

        Raises:
            NpsConnectError: the file cannot be read.
        """
        try:
            with path.open(encoding="utf-8", errors="replace") as stream:
                for line in stream:
                    try:
                        content = json.loads(line)
                        at = datetime.fromisoformat(content["at"])
                        yield JournalEntry(content["reason"], at, self._decrypt(content["subject"]))
                    except (ValueError, TypeError, KeyError):
                        if line.strip():
                            log.warning("suppression_journal_line_unreadable path=%s", path)
        except OSError as error:
            raise NpsConnectError(f"the journal {path} cannot be read ({error.strerror})") from None

    def _write(self, lines: bytes) -> None:
        """Append lines durably; each begins with a line break, because the one before it may be torn."""
        descriptor = os.open(self.path or "", os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE_MODE)
        try:
            if os.write(descriptor, lines) < len(lines):  # the rest did not fit
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _line(self, reason: str, subject: str, at: datetime) -> str:
        encrypted = self._fernet.encrypt_at_time(subject.encode(), int(at.timestamp())).decode()
        return json.dumps({"at": at.isoformat(), "reason": reason, "subject": encrypted})

    def _decrypt(self, token: str) -> str | None:
        try:
            return self._fernet.decrypt(token).decode()
        except InvalidToken:
            return None
