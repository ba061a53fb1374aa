"""What this host knows without the database: shown when the database cannot be read."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from nps_connect.ledger.last_error import LastError, load_last_error
from nps_connect.ledger.state_dir import StateDir, open_state_dir
from nps_connect.settings.model import Settings

LOCKS_FILE = Path("/proc/locks")
"""Of Linux: one line per lock, with the process and the inode."""


@dataclass(frozen=True)
class HostFacts:
    """Facts of this host.

    Attributes:
        pause_marker: the file that pauses all customer mail of this host, if it exists.
        lock_holder: the process that works on the SQLite file or has locked it; None if none is known.
        last_error: the newest ERROR record of the log of this host, if it is known.
        disk_free_bytes: what is free where the SQLite file or the state directory is; None if neither is known.
    """

    pause_marker: Path | None = None
    lock_holder: int | None = None
    disk_free_bytes: int | None = None
    last_error: LastError | None = None


def load_host_facts(settings: Settings, database_file: Path | None) -> HostFacts:
    """Load the facts; never raises.

    Args:
        settings: the configuration.
        database_file: of SQLite; None for PostgreSQL.
    """
    state_dir = open_state_dir(settings)
    return HostFacts(
        pause_marker=_pause_marker(state_dir),
        lock_holder=find_lock_holder(database_file) if database_file is not None else None,
        disk_free_bytes=_disk_free_bytes(database_file or (state_dir.path if state_dir else None)),
        last_error=load_last_error(state_dir) if state_dir is not None else None,
    )


def _pause_marker(state_dir: StateDir | None) -> Path | None:
    if state_dir is None or state_dir.read_pause_marker() is None:
        return None
    return state_dir.pause_marker_file


def find_lock_holder(file: Path, locks_file: Path = LOCKS_FILE) -> int | None:
    """Return the process that has locked the file for writing, else the one that holds `single_process_lock`.

    None if there is neither, or if this system does not say.
    """
    try:
        status = file.stat()
        lines = locks_file.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    inode = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    locks = [fields for fields in map(str.split, lines) if fields[5] == inode]
    # SQLite locks with POSIX locks; our processes hold a FLOCK for as long as they run.
    writers = [int(fields[4]) for fields in locks if fields[1] == "POSIX" and fields[3] == "WRITE"]
    owners = [int(fields[4]) for fields in locks if fields[1] == "FLOCK"]
    return next(iter(writers + owners), None)


def _disk_free_bytes(path: Path | None) -> int | None:
    while path is not None:
        try:
            return shutil.disk_usage(path).free
        except OSError:
            path = path.parent if path != path.parent else None
    return None
