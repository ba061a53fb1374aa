"""Back up a SQLite database, check it, and prepare a backup for its installation."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlmodel import Session

from nps_connect.errors import ConfigError, NpsConnectError
from nps_connect.ledger.backup import copy_database, find_damage, staged_file
from nps_connect.ledger.identity import lock_identity
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.observations import record_observation
from nps_connect.ledger.schema import require_current_schema, upgrade
from nps_connect.ledger.state_dir import Identity, StateDir
from nps_connect.ledger.storage_health import DAMAGED
from nps_connect.services.operations.database_identity import (
    RESTORED_REASON,
    Mismatch,
    check_identity,
    find_mismatch,
    pause_database,
)


def back_up(ledger: Ledger, state_dir: StateDir | None, target: Path, now: datetime) -> None:
    """Copy the database, which may be in use, to a new file, and record when.

    Afterwards the counter is above that of the copy.

    Raises:
        NpsConnectError: the database is not SQLite, the file exists or cannot be written, or the copy is damaged.
    """
    if ledger.file is None:
        raise NpsConnectError("only a SQLite database is backed up to a file")
    copy_database(ledger.file, target, is_in_use=True)
    damage = find_damage(target)
    if damage:
        raise NpsConnectError(f"{target} was written, but {DAMAGED.text}: {damage[0]}; {DAMAGED.fix}")
    with ledger.write() as session:
        record_backup(session, now)
    check_identity(ledger, state_dir, now)


def record_backup(session: Session, now: datetime) -> None:
    """Record that the database was backed up, by us or by another tool."""
    record_observation(session, "backup", "", now=now)


def find_problems(ledger: Ledger, state_dir: StateDir | None) -> list[str]:
    """Return what is wrong with a database; changes nothing. Empty if nothing is.

    Raises:
        ConfigError: the database cannot be reached, is missing or has another schema.
    """
    if ledger.file is not None:
        ledger.require_same_file()
        ledger.check_disk()
        if (problem := ledger.storage.problem) is not None:  # on a full disk the file cannot be read as a database
            return [f"{problem.text}; {problem.fix}"]
        damage = find_damage(ledger.file)
        if damage:
            return [*damage, f"{DAMAGED.text}; {DAMAGED.fix}"]
    require_current_schema(ledger)
    mismatch = find_foreign_origin(ledger, state_dir)
    return [] if mismatch is None else [mismatch.reason]


def find_foreign_origin(ledger: Ledger, state_dir: StateDir | None) -> Mismatch | None:
    """Return that a database is not the newest one that this host has seen; None if it is, or nobody knows."""
    if state_dir is None:
        return None
    with ledger.read() as session:
        return find_mismatch(_load_identity(session), state_dir.read_identity())


def stage_backup(source: Path, database: Path, state_dir: StateDir, now: datetime) -> Path:
    """Copy a backup beside the database that it will replace, check and upgrade it, and pause everything it sends.

    Args:
        source: the backup.
        database: the path of the database.
        state_dir: the state directory of this host.
        now: the present moment.

    Returns:
        The copy, ready to be installed.

    Raises:
        NpsConnectError: the backup is missing or damaged, has a schema that this program does not know, or is of
            another database.
    """
    if not source.is_file():
        raise NpsConnectError(f"there is no file {source}")
    staged = staged_file(database)
    staged.unlink(missing_ok=True)
    copy_database(source, staged, is_in_use=False)
    try:
        _prepare(source, staged, state_dir, now)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    return staged


def _prepare(source: Path, staged: Path, state_dir: StateDir, now: datetime) -> None:
    damage = find_damage(staged)
    if damage:
        raise NpsConnectError(f"{source} is damaged: {damage[0]}")
    ledger = Ledger(f"sqlite:///{staged}")
    try:
        upgrade(ledger)
        with ledger.write() as session:
            _refuse_other_database(source, _load_identity(session), state_dir.read_identity())
            pause_database(session, Mismatch("restored", RESTORED_REASON), now)
        ledger.checkpoint()
    except ConfigError as error:
        raise NpsConnectError(f"{source} cannot be used: {error.problem}") from None
    finally:
        ledger.close()


def _load_identity(session: Session) -> Identity:
    row = lock_identity(session)
    return Identity(row.database_id, row.counter)


def _refuse_other_database(source: Path, identity: Identity, stored: Identity | None) -> None:
    if stored is not None and stored.database_id != identity.database_id:
        raise NpsConnectError(
            f"{source} is a backup of another database than the one of this host; if that is intended, move the state "
            "directory away first"
        )
