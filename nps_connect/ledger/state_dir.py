"""The state directory of this host: what must not go back in time when the database is restored from a backup."""

from __future__ import annotations

import json
import os
from pathlib import Path

from nps_connect.errors import NpsConnectError
from nps_connect.ledger.identity import Identity
from nps_connect.ledger.ledger import PRIVATE_FILE_MODE

IDENTITY_FILE = "database.json"
JOURNAL_FILE = "suppressions.log"
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
        temporary = self.path / f"{IDENTITY_FILE}.{os.getpid()}"
        try:
            self.path.mkdir(mode=PRIVATE_DIRECTORY_MODE, parents=True, exist_ok=True)
            self.journal_file.touch(mode=PRIVATE_FILE_MODE)
            with temporary.open("w", encoding="utf-8") as stream:
                json.dump(identity._asdict(), stream)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(self.path / IDENTITY_FILE)
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
