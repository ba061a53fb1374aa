"""The state directory of this host: what must not go back in time when the database is restored from a backup."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from nps_connect.errors import NpsConnectError
from nps_connect.ledger.identity import Identity
from nps_connect.ledger.ledger import PRIVATE_FILE_MODE

IDENTITY_FILE = "database.json"
JOURNAL_FILE = "suppressions.log"
PAUSES_FILE = "pauses.json"
PRIVATE_DIRECTORY_MODE = 0o700


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

    def _write(self, name: str, content: Mapping[str, object]) -> None:
        temporary = self.path / f"{name}.{os.getpid()}"
        try:
            self.path.mkdir(mode=PRIVATE_DIRECTORY_MODE, parents=True, exist_ok=True)
            self.journal_file.touch(mode=PRIVATE_FILE_MODE)
            temporary.touch(mode=PRIVATE_FILE_MODE)
            with temporary.open("w", encoding="utf-8") as stream:
                json.dump(content, stream)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(self.path / name)
            sync_directory(self.path)
        except OSError as error:
            raise NpsConnectError(
                f"the state directory {self.path} cannot be written ({error.strerror}); "
                "make it writable, or set core.state_dir to another directory"
            ) from None


def sync_directory(path: Path) -> None:
    """Make created, renamed and deleted entries of a directory durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
