"""The token store: OAuth tokens of connections, encrypted at rest, refreshed by one worker at a time."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from random import Random

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import ColumnElement, LargeBinary, or_, select, update
from sqlmodel import Field, col

from nps_connect.connection import Clock, Sleep
from nps_connect.errors import RetryLater
from nps_connect.ledger.columns import Base, UtcDateTime, insert_for
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.upserts import insert_many

TOKEN_LOCK_LEASE = timedelta(seconds=60)
TOKEN_LOCK_POLL_SECONDS = 0.1
TOKEN_LOCK_TIMEOUT_SECONDS = 45.0


class TokenRow(Base, table=True):
    """A refreshable token, encrypted; `locked_until` is the lease of the worker that refreshes it."""

    __tablename__ = "tokens"

    connection: str = Field(primary_key=True, max_length=40)
    name: str = Field(primary_key=True, max_length=80)
    value: bytes | None = Field(default=None, sa_type=LargeBinary)
    locked_by: str | None = Field(default=None, max_length=40)
    locked_until: datetime | None = Field(default=None, sa_type=UtcDateTime)


class LedgerTokenStore:
    """The tokens of one connection.

    Args:
        ledger: stores them.
        connection: its name.
        keys: the first encrypts, all decrypt, so that keys can be rotated.
        clock, sleep, random: as in `Connection`.
    """

    def __init__(
        self, ledger: Ledger, connection: str, keys: Sequence[str], *, clock: Clock, sleep: Sleep, random: Random
    ) -> None:
        self._ledger = ledger
        self._connection = connection
        self._fernet = build_fernet(keys, "tokens")
        self._clock = clock
        self._sleep = sleep
        self._random = random

    def read(self, name: str) -> str | None:
        """Return the stored value; None if there is none or no key decrypts it."""
        with self._ledger.read() as session:
            value = session.execute(select(col(TokenRow.value)).where(*self._row_key(name))).scalar()
        try:
            return self._fernet.decrypt(value).decode() if value else None
        except InvalidToken:
            return None

    def write(self, name: str, value: str) -> None:
        """Store a value durably."""
        encrypted = self._fernet.encrypt(value.encode())
        with self._ledger.write() as session:
            session.execute(
                insert_for(session, TokenRow)
                .values(connection=self._connection, name=name, value=encrypted)
                .on_conflict_do_update(index_elements=["connection", "name"], set_={"value": encrypted})
            )

    @contextmanager
    def exclusive(self, name: str) -> Iterator[None]:
        """Hold the lock of a token across all threads and workers; the lease of a dead holder ends after a minute.

        Raises:
            RetryLater: another holder did not release it in time.
        """
        owner = f"{self._random.getrandbits(128):032x}"
        waited = 0.0
        while not self._acquire(name, owner):
            if waited >= TOKEN_LOCK_TIMEOUT_SECONDS:
                raise RetryLater("another worker is refreshing the token")
            self._sleep(TOKEN_LOCK_POLL_SECONDS)
            waited += TOKEN_LOCK_POLL_SECONDS
        try:
            yield
        finally:
            self._release(name, owner)

    def _row_key(self, name: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return col(TokenRow.connection) == self._connection, col(TokenRow.name) == name

    def _acquire(self, name: str, owner: str) -> bool:
        now = self._clock()
        with self._ledger.write() as session:
            row = {"connection": self._connection, "name": name}
            insert_many(session, TokenRow, [row], skip_existing=("connection", "name"))
            is_free = or_(col(TokenRow.locked_until).is_(None), col(TokenRow.locked_until) <= now)
            locked_name = session.execute(
                update(TokenRow)
                .where(*self._row_key(name), is_free)
                .values(locked_by=owner, locked_until=now + TOKEN_LOCK_LEASE)
                .returning(col(TokenRow.name))
                .execution_options(synchronize_session=False)
            ).scalar()
            return locked_name is not None

    def _release(self, name: str, owner: str) -> None:
        with self._ledger.write() as session:
            session.execute(
                update(TokenRow)
                .where(*self._row_key(name), col(TokenRow.locked_by) == owner)
                .values(locked_by=None, locked_until=None)
                .execution_options(synchronize_session=False)
            )


def build_fernet(keys: Sequence[str], purpose: str) -> MultiFernet:
    """Return the encryption for one purpose with keys derived from the operator's; the first encrypts, all decrypt."""
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in derive_keys(keys, purpose)])


def derive_keys(keys: Sequence[str], purpose: str) -> tuple[bytes, ...]:
    """Return a key of 32 bytes for one purpose from each of the operator's (HKDF, RFC 5869)."""
    info = f"nps_connect.{purpose}".encode()
    return tuple(HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(key.encode()) for key in keys)
