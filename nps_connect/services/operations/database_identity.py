"""Tell the newest database from a restored backup, by the identity in the database and in the state directory."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session

from nps_connect.errors import ConfigError, NpsConnectError
from nps_connect.ledger import pauses
from nps_connect.ledger.identity import lock_identity, newest_moment, raise_counter
from nps_connect.ledger.ledger import DATABASE_URL_KEY, Ledger
from nps_connect.ledger.schema import create, has_schema
from nps_connect.ledger.state_dir import Identity, StateDir

log = logging.getLogger(__name__)

RESTORED_REASON = "the database is a backup; run: nps-connect db restored"
UNKNOWN_REASON = (
    "this host has not seen this database before; if it is a backup, run: nps-connect db restored; "
    "if it is the newest: nps-connect resume database"
)


class Mismatch(NamedTuple):
    """Why a database may not be the newest one."""

    cause: pauses.PauseCause
    reason: str


def create_ledger(ledger: Ledger, state_dir: StateDir | None) -> bool:
    """Create all tables in an empty database; returns False, without any change, if it has them already.

    Raises:
        ConfigError: the database cannot be reached, or the state directory shows that one existed before.
    """
    is_missing = not ledger.file.exists() if ledger.file is not None else not has_schema(ledger)
    if is_missing and state_dir is not None and state_dir.read_identity() is not None:
        raise ConfigError(
            f"the state directory {state_dir.path} belongs to a database that is missing",
            key=DATABASE_URL_KEY,
            fix="to restore a backup, run: nps-connect db restore FILE; to start anew, move the directory away",
        )
    if not create(ledger):
        return False
    if state_dir is not None:
        write_raised_identity(ledger, state_dir)
    return True


def check_identity(ledger: Ledger, state_dir: StateDir | None, now: datetime) -> bool:
    """Compare the database with the state directory; returns whether anything may be sent.

    If they agree, the counter is raised: in the database first, then in the directory. If not, everything that is sent
    is paused until the operator has said what the database is.
    """
    if state_dir is None:
        return True
    stored = state_dir.read_identity()
    with ledger.write() as session:
        row = lock_identity(session)
        mismatch = find_mismatch(Identity(row.database_id, row.counter), stored)
        if mismatch is not None:
            pause_database(session, mismatch, now)
            log.error('sending_paused cause=%s reason="%s" finding=restored', mismatch.cause, mismatch.reason)
            return False
        identity = raise_counter(session)
    state_dir.write_identity(identity)
    return True


def find_mismatch(identity: Identity, stored: Identity | None) -> Mismatch | None:
    """Return why the database may not be the newest one; None if it is.

    Args:
        identity: of the database.
        stored: what this host has written last; None if it has written nothing that can be read.
    """
    if stored is None or stored.database_id != identity.database_id:
        return Mismatch("unknown_database", UNKNOWN_REASON)
    if identity.counter < stored.counter:
        return Mismatch("restored", RESTORED_REASON)
    return None


def pause_database(session: Session, mismatch: Mismatch, now: datetime) -> None:
    """Pause everything that is sent, and remember the newest moment that the database holds now."""
    row = lock_identity(session)
    if pauses.pause(session, pauses.DATABASE_SCOPE, cause=mismatch.cause, reason=mismatch.reason, now=now):
        row.newest_at = newest_moment(session, now)


def accept_database(ledger: Ledger, state_dir: StateDir | None) -> None:
    """Take a database that this host has not seen before for the newest one; the pause itself is for the caller to end.

    Raises:
        NpsConnectError: it is a restored backup.
    """
    with ledger.write() as session:
        pause = pauses.load_pauses(session).get(pauses.DATABASE_SCOPE)
        if pause is not None and pause.cause == "restored":
            raise NpsConnectError(RESTORED_REASON)
        lock_identity(session).newest_at = None
    if state_dir is not None:
        write_raised_identity(ledger, state_dir)


def write_raised_identity(ledger: Ledger, state_dir: StateDir) -> None:
    """Raise the counter above that of the state directory, and write both: this database is the newest."""
    stored = state_dir.read_identity()
    with ledger.write() as session:
        identity = raise_counter(session, at_least=stored.counter if stored else 0)
    state_dir.write_identity(identity)
