"""Add, list and remove keys of the API. Each change is recorded in the audit log."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlmodel import Session, col

from nps_connect.errors import NpsConnectError
from nps_connect.ledger.api_keys import ApiKeyRow, IdempotencyKeyRow
from nps_connect.ledger.audit_log import Actor, record_audit
from nps_connect.records.api_scopes import ApiScope
from nps_connect.settings.key_paths import nearest

KEY_MARK = "npsc"
"""Begins every key, so that scanners of repositories can find one that was published by mistake."""

PREFIX_BYTES = 4
SECRET_BYTES = 32
MAX_NAME_LENGTH = 60
_KEY = re.compile(rf"{KEY_MARK}_([0-9a-f]{{{2 * PREFIX_BYTES}}})_([\w-]{{43}})", re.ASCII)
_NAME = re.compile(rf"[\w][\w .-]{{0,{MAX_NAME_LENGTH - 1}}}")


def add_key(
    session: Session,
    *,
    name: str,
    scopes: Collection[ApiScope],
    expires_at: datetime | None,
    actor: Actor,
    now: datetime,
) -> str:
    """Store a new key and return it; it cannot be read again.

    Args:
        session: the transaction.
        name: of the key.
        scopes: what it allows.
        expires_at: when it ends; None means never.
        actor: who adds it.
        now: the present moment.

    Raises:
        NpsConnectError: the name is taken or not usable.
    """
    if not _NAME.fullmatch(name):
        raise NpsConnectError(
            f"use a name of letters, digits, dots, dashes and spaces, at most {MAX_NAME_LENGTH} characters long"
        )
    if session.execute(select(col(ApiKeyRow.id)).where(col(ApiKeyRow.name) == name)).first() is not None:
        raise NpsConnectError(f"there is an API key {name!r} already; remove it first: nps-connect api-keys remove")
    prefix, secret = secrets.token_hex(PREFIX_BYTES), secrets.token_urlsafe(SECRET_BYTES)
    row = ApiKeyRow(
        name=name,
        prefix=prefix,
        secret_hash=hash_secret(secret),
        scopes=sorted(scopes),
        created_by=f"{actor.kind}:{actor.name}"[:100],
        created_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    record_audit(session, actor, "api-keys add", f"api_key:{name}, {', '.join(row.scopes)}", now=now)
    return f"{KEY_MARK}_{prefix}_{secret}"


def list_keys(session: Session) -> Sequence[ApiKeyRow]:
    """Return all keys by name."""
    return session.execute(select(ApiKeyRow).order_by(col(ApiKeyRow.name))).scalars().all()


def find_key(session: Session, name: str, *, for_update: bool = False) -> ApiKeyRow:
    """Return the key of this name or prefix.

    Raises:
        NpsConnectError: there is no such key; names the nearest one.
    """
    query = select(ApiKeyRow).where((col(ApiKeyRow.name) == name) | (col(ApiKeyRow.prefix) == name))
    row: ApiKeyRow | None = session.execute(query.with_for_update() if for_update else query).scalars().first()
    if row is None:
        near = nearest(name, [key.name for key in list_keys(session)])
        hint = f" Did you mean {near!r}?" if near else ""
        raise NpsConnectError(f"there is no API key {name!r}; see: nps-connect api-keys list.{hint}")
    return row


def remove_key(session: Session, name: str, *, actor: Actor, now: datetime) -> None:
    """Delete a key, and the responses stored for its repeated requests.

    Raises:
        NpsConnectError: there is no such key.
    """
    row = find_key(session, name, for_update=True)
    session.execute(delete(IdempotencyKeyRow).where(col(IdempotencyKeyRow.api_key_id) == row.id))
    session.delete(row)
    session.flush()
    record_audit(session, actor, "api-keys remove", f"api_key:{row.name}", now=now)


def parse_key(token: str) -> tuple[str, str] | None:
    """Return the prefix and the secret of a key; None if it has another form."""
    parts = _KEY.fullmatch(token)
    return None if parts is None else (parts[1], parts[2])


def hash_secret(secret: str) -> str:
    """Return the SHA-256 of a secret in hexadecimal: a fast hash, because 256 random bits cannot be guessed."""
    return hashlib.sha256(secret.encode()).hexdigest()
