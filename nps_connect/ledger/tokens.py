"""The token store: tokens of connections, encrypted at rest, renewed by one worker at a time."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from random import Random

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import or_, select, update
from sqlmodel import col

from nps_connect.connection import Clock, Sleep
from nps_connect.errors import RetryLater
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.operational_tables import TokenRow
from nps_connect.ledger.upserts import insert_for

TOKEN_LOCK_LEASE = timedelta(seconds=60)
TOKEN_LOCK_POLL_SECONDS = 0.1
TOKEN_LOCK_TIMEOUT_SECONDS = 45.0


class LedgerTokenStore:
    """The tokens of one connection.

    Args:
        ledger: where they are kept.
        connection: whose they are.
        keys: the first encrypts, all decrypt, so that keys can be rotated.
        clock, sleep, random: as of the connection.
    """

    def __init__(
        self, ledger: Ledger, connection: str, keys: Sequence[str], *, clock: Clock, sleep: Sleep, random: Random
    ) -> None:
        self._ledger = ledger
        self._connection = connection
        self._box = MultiFernet([Fernet(_derive_key(key)) for key in keys])
        self._clock = clock
        self._sleep = sleep
        self._random = random

    def read(self, name: str) -> str | None:
        """The stored value; none if there is none, or if no key decrypts it any more."""
        with self._ledger.read() as session:
            value = session.execute(
                select(col(TokenRow.value)).where(
                    col(TokenRow.connection) == self._connection, col(TokenRow.name) == name
                )
            ).scalar()
        try:
            return self._box.decrypt(value).decode() if value else None
        except InvalidToken:
            return None

    def write(self, name: str, value: str) -> None:
        """Store durably before returning."""
        sealed = self._box.encrypt(value.encode())
        with self._ledger.write() as session:
            session.execute(
                insert_for(session, TokenRow)
                .values(connection=self._connection, name=name, value=sealed)
                .on_conflict_do_update(index_elements=["connection", "name"], set_={"value": sealed})
            )

    @contextmanager
    def exclusive(self, name: str) -> Iterator[None]:
        """Only one holder at a time over all threads and workers; a dead one's lease ends after a minute.

        Raises:
            RetryLater: another holder did not finish in time.
        """
        owner = f"{self._random.getrandbits(128):032x}"
        waited = 0.0
        while not self._take(name, owner):
            if waited >= TOKEN_LOCK_TIMEOUT_SECONDS:
                raise RetryLater("another worker renews the token")
            self._sleep(TOKEN_LOCK_POLL_SECONDS)
            waited += TOKEN_LOCK_POLL_SECONDS
        try:
            yield
        finally:
            self._give_back(name, owner)

    def _take(self, name: str, owner: str) -> bool:
        now = self._clock()
        with self._ledger.write() as session:
            session.execute(
                insert_for(session, TokenRow)
                .values(connection=self._connection, name=name)
                .on_conflict_do_nothing(index_elements=["connection", "name"])
            )
            free = or_(col(TokenRow.locked_until).is_(None), col(TokenRow.locked_until) <= now)
            taken = session.execute(
                update(TokenRow)
                .where(col(TokenRow.connection) == self._connection, col(TokenRow.name) == name, free)
                .values(locked_by=owner, locked_until=now + TOKEN_LOCK_LEASE)
                .returning(col(TokenRow.name))
                .execution_options(synchronize_session=False)
            ).scalar()
            return taken is not None

    def _give_back(self, name: str, owner: str) -> None:
        with self._ledger.write() as session:
            session.execute(
                update(TokenRow)
                .where(
                    col(TokenRow.connection) == self._connection,
                    col(TokenRow.name) == name,
                    col(TokenRow.locked_by) == owner,
                )
                .values(locked_by=None, locked_until=None)
                .execution_options(synchronize_session=False)
            )


def _derive_key(key: str) -> bytes:
    """A key of the right length for one purpose only, from any of the operator's keys."""
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"nps_connect.tokens").derive(key.encode())
    return base64.urlsafe_b64encode(derived)
