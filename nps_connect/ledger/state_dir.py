"""The state directory of this host: what must not go back in time when the database is restored from a backup."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from nps_connect.errors import NpsConnectError
from nps_connect.ledger.ledger import PRIVATE_FILE_MODE
from nps_connect.settings.model import Settings

IDENTITY_FILE = "database.json"
JOURNAL_FILE = "suppressions.log"
PAUSES_FILE = "pauses.json"
PAUSE_MARKER_FILE = "pause"
PRIVATE_DIRECTORY_MODE = 0o700


class Identity(NamedTuple):
    """Id and counter of a database."""

    database_id: str
    counter: int


class PauseMarker(NamedTuple):
    """All customer mail of this host is paused, although the database could not be written.

    Attributes:
        at: when the marker was set.
        user: the operating system's user who set it, by number if it has no name.
    """

    at: datetime
    user: str


class StateDir:
    """The state directory.

    Args:
        path: the directory, which is created by `write_identity`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def journal_file(self) -> Path:
        """The path of the journal of suppressions."""
        return self.path / JOURNAL_FILE

    def read_identity(self) -> Identity | None:
        """Return the identity that this host wrote last; None if there is none that can be read."""
        try:
            content = json.loads((self.path / IDENTITY_FILE).read_text(encoding="utf-8"))
            return Identity(str(content["database_id"]), int(content["counter"]))
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def write_identity(self, identity: Identity) -> None:
        """Write the identity durably, and create the directory and an empty journal if they are missing.

        Raises:
            NpsConnectError: the directory cannot be written.
        """
        self._write(IDENTITY_FILE, identity._asdict())

    def read_pauses(self) -> dict[str, str]:
        """Return the reasons of an operator's pauses by scope, as recorded here; empty if none can be read."""
        try:
            content = json.loads((self.path / PAUSES_FILE).read_text(encoding="utf-8"))
            return {str(scope): str(reason) for scope, reason in content.items()}
        except (OSError, ValueError, AttributeError):
            return {}

    def record_pause(self, scope: str, reason: str | None) -> None:
        """Record durably that an operator paused a scope for a reason, or resumed it if the reason is None.

        Raises:
            NpsConnectError: the directory cannot be written.
        """
        reasons = {name: kept for name, kept in self.read_pauses().items() if name != scope}
        self._write(PAUSES_FILE, reasons if reason is None else {**reasons, scope: reason})

    @property
    def pause_marker_file(self) -> Path:
        """The path of the pause marker: while this file exists, no process of this host starts customer mail."""
        return self.path / PAUSE_MARKER_FILE

    def read_pause_marker(self) -> PauseMarker | None:
        """Return the pause marker; None if there is none."""
        try:
            status = self.pause_marker_file.stat()
        except OSError:
            return None
        user = f"uid {status.st_uid}"
        with suppress(KeyError):
            user = pwd.getpwuid(status.st_uid).pw_name
        return PauseMarker(datetime.fromtimestamp(status.st_mtime, UTC), user)

    def set_pause_marker(self) -> None:
        """Set the pause marker durably: an empty file, which a full disk takes too.

        Raises:
            NpsConnectError: the directory cannot be written.
        """
        with self._writing():
            self.path.mkdir(mode=PRIVATE_DIRECTORY_MODE, parents=True, exist_ok=True)
            self.pause_marker_file.touch(mode=PRIVATE_FILE_MODE)
            sync_directory(self.path)

    def delete_pause_marker(self) -> None:
        """Delete the pause marker, if there is one.

        Raises:
            NpsConnectError: the directory cannot be written.
        """
        with self._writing():
            if self.pause_marker_file.exists():
                self.pause_marker_file.unlink(missing_ok=True)
                sync_directory(self.path)

    def _write(self, name: str, content: Mapping[str, object]) -> None:
        temporary = self.path / f"{name}.{os.getpid()}"
        with self._writing():
            self.path.mkdir(mode=PRIVATE_DIRECTORY_MODE, parents=True, exist_ok=True)
            self.journal_file.touch(mode=PRIVATE_FILE_MODE)
            temporary.touch(mode=PRIVATE_FILE_MODE)
            with temporary.open("w", encoding="utf-8") as stream:
                json.dump(content, stream)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(self.path / name)
            sync_directory(self.path)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Turn errors of the file system into one sentence."""
        try:
            yield
        except OSError as error:
            raise NpsConnectError(
                f"the state directory {self.path} cannot be written ({error.strerror}); "
                "make it writable, or set core.state_dir to another directory"
            ) from None


def open_state_dir(settings: Settings) -> StateDir | None:
    """Return the state directory of this host; None if the configuration names none (PostgreSQL only)."""
    path = settings.core.state_dir
    return None if path is None else StateDir(path)


def sync_directory(path: Path) -> None:
    """Make created, renamed and deleted entries of a directory durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
