"""Findings on the database itself: whether it can be used, its damage, size and disk, and its backups."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from nps_connect.errors import ConfigError
from nps_connect.ledger.backup import find_damage
from nps_connect.ledger.database_errors import storage_error
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.observations import ObservationRow
from nps_connect.ledger.schema import has_schema, latest_version, require_current_schema
from nps_connect.ledger.state_dir import StateDir
from nps_connect.ledger.storage_health import DAMAGED, find_storage_problem
from nps_connect.records.findings import Finding
from nps_connect.services.operations.backup import find_foreign_origin
from nps_connect.services.operations.ledger_findings import describe_age

SUBJECT = "database"
LOW_DISK_BYTES = 1_000_000_000
FULL_DISK_BYTES = 100_000_000
MAX_BACKUP_AGE = timedelta(days=2)
BACKUP_FIX = "every day, such as by cron: nps-connect db backup FILE (docs/backup.md)"
RECORD_FIX = "after each backup, run: nps-connect db backup --recorded (docs/backup.md)"

FreeBytes = Callable[[Path], int]


def free_bytes(path: Path) -> int:
    """Return how many bytes this user may still write to the disk of a path.

    Raises:
        OSError: the path cannot be read.
    """
    return shutil.disk_usage(path).free


def find_unusable_database(ledger: Ledger) -> Finding | None:
    """Return why the database cannot be used, with the command that helps; None if it can."""
    is_missing = ledger.file is not None and not ledger.file.exists()
    kind = "database-missing" if is_missing else "database-unreachable"
    try:
        ledger.ping()
        kind = "database-version" if has_schema(ledger) else "database-missing"
        require_current_schema(ledger)
        _require_write_access(ledger)
    except ConfigError as error:
        problem = ledger.storage.problem
        if problem is not None:
            kind = "database-damaged" if problem is DAMAGED else "storage-failing"
        return Finding(id=kind, severity="error", subject=SUBJECT, text=error.problem, fix=error.fix)
    return None


def _require_write_access(ledger: Ledger) -> None:
    """Try a write that changes nothing.

    Raises:
        ConfigError: the database is locked or read-only, or its disk is full.
    """
    ledger.check_disk()
    problem = ledger.storage.problem
    try:
        with ledger.write() as session:
            session.execute(delete(ObservationRow).where(col(ObservationRow.kind) == ""))
    except DBAPIError as error:
        problem = find_storage_problem(error)
        if problem is None:
            raise
    if problem is not None:
        raise storage_error(problem)


def check_integrity(ledger: Ledger, state_dir: StateDir | None) -> list[Finding]:
    """Return damage and foreign origin. Reads the whole file of SQLite; PostgreSQL checks its pages when it reads them.

    Args:
        ledger: a database that can be used.
        state_dir: the state directory of this host.
    """
    try:
        damage = [] if ledger.file is None else find_damage(ledger.file)
    except ConfigError as error:
        finding = Finding(id="storage-failing", severity="error", subject=SUBJECT, text=error.problem, fix=error.fix)
        return [finding]
    findings = [
        Finding(id="database-damaged", severity="error", subject=SUBJECT, text=text, fix=DAMAGED.fix) for text in damage
    ]
    mismatch = None if damage else find_foreign_origin(ledger, state_dir)
    if mismatch is not None:
        fix = "see docs/backup.md, Restore"
        findings.append(Finding(id="restored", severity="error", subject=SUBJECT, text=mismatch.reason, fix=fix))
    return findings or [Finding(severity="ok", subject=SUBJECT, text="the database is whole")]


def disk_findings(ledger: Ledger, state_dir: StateDir | None, free: FreeBytes = free_bytes) -> Iterator[Finding]:
    """Yield the size of the database and what is left on its disk, and on that of the state directory."""
    if ledger.file is not None and ledger.file.exists():
        size = f"SQLite, {ledger.file.stat().st_size / 1_000_000:.1f} MB, schema {latest_version()}"
        yield _disk_finding(f"{ledger.file} ({size})", ledger.file.absolute().parent, free)
    elif ledger.file is None:
        yield Finding(severity="ok", subject=SUBJECT, text=f"PostgreSQL, schema {latest_version()}")
    is_elsewhere = ledger.file is None or (state_dir is not None and state_dir.path.parent != ledger.file.parent)
    if state_dir is not None and state_dir.path.exists() and is_elsewhere:
        yield _disk_finding(f"state directory {state_dir.path}", state_dir.path, free)


def backup_findings(ledger: Ledger, backup: ObservationRow | None, now: datetime) -> list[Finding]:
    """Return the age of the last backup that `db backup` made or recorded.

    Those of PostgreSQL are made by other tools, and are seen only if they are recorded.
    """
    if backup is None and not ledger.is_sqlite:
        text = "PostgreSQL is backed up with its own tools; the age of the last backup cannot be seen here"
        return [Finding(severity="ok", subject=SUBJECT, text=text, fix=RECORD_FIX)]
    if backup is None:
        text = "no backup was made with db backup"
        return [Finding(id="backup-old", severity="warning", subject=SUBJECT, text=text, fix=BACKUP_FIX)]
    text = f"last backup {describe_age(now - backup.at)} ago"
    if now - backup.at <= MAX_BACKUP_AGE:
        return [Finding(severity="ok", subject=SUBJECT, text=text)]
    fix = BACKUP_FIX if ledger.is_sqlite else RECORD_FIX
    return [Finding(id="backup-old", severity="warning", subject=SUBJECT, text=text, fix=fix)]


def _disk_finding(what: str, folder: Path, free: FreeBytes) -> Finding:
    try:
        left = free(folder)
    except OSError as error:
        text = f"the disk of {what} cannot be read ({error.strerror})"
        return Finding(id="storage-failing", severity="error", subject=SUBJECT, text=text, fix=f"ls -ld {folder}")
    text = f"{what}: {left / 1_000_000_000:.1f} GB left on its disk"
    if left >= LOW_DISK_BYTES:
        return Finding(severity="ok", subject=SUBJECT, text=text)
    severity = "error" if left < FULL_DISK_BYTES else "warning"
    fix = f"free or add disk space; what uses it: du -xh {folder} | sort -h | tail"
    return Finding(id="disk-low", severity=severity, subject=SUBJECT, text=text, fix=fix)
