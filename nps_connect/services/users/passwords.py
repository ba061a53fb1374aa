"""How random tokens and passwords are stored: as hashes only."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from nps_connect.errors import ConfigError, NpsConnectError

if TYPE_CHECKING:  # of the extra [console]
    from pwdlib.hashers.argon2 import Argon2Hasher


def hash_token(token: str) -> str:
    """Return the SHA-256 of a random token in hexadecimal: a fast hash, because 256 random bits cannot be guessed."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


MIN_PASSWORD_LENGTH = 12
MAX_PASSWORD_LENGTH = 200
MAX_WAITING = 8
"""Checks of passwords that wait for their turn; more are refused, so that a storm does not occupy all threads."""

MISSING_EXTRA = "the console needs the extra [console]: pip install 'nps-connect[console]'"


class PasswordRefused(NpsConnectError):
    """A password that cannot be chosen.

    Attributes:
        reason: `short`, `long` or `common` (it is the address or the name of the user, or one character repeated).
    """

    def __init__(self, reason: Literal["short", "long", "common"]) -> None:
        super().__init__(f"choose another password ({reason}); at least {MIN_PASSWORD_LENGTH} characters")
        self.reason = reason


class TooBusy(NpsConnectError):
    """So many passwords are being checked that this one is not."""


def check_new_password(password: str, *personal: str) -> None:
    """Refuse a password that is too short or easily guessed (NIST SP 800-63B, 3.1.1: length, no composition rules).

    Args:
        password: as chosen.
        personal: address, name and company, which somebody would try first.

    Raises:
        PasswordRefused: choose another one.
    """
    if len(password) < MIN_PASSWORD_LENGTH:
        raise PasswordRefused("short")
    if len(password) > MAX_PASSWORD_LENGTH:
        raise PasswordRefused("long")
    folded = password.casefold()
    parts = {part for text in personal for part in (text.casefold(), text.casefold().partition("@")[0]) if part}
    remainder = folded
    for part in sorted(parts, key=len, reverse=True):
        remainder = remainder.replace(part, "")
    if len(set(folded)) < 5 or len(remainder.strip("0123456789!?.- ")) < 4:
        raise PasswordRefused("common")


class PasswordHasher:
    """Hashes passwords with Argon2id (19 MiB, 2 passes: OWASP's recommendation), one at a time.

    One at a time keeps memory flat, and a storm of sign-ins from slowing down the survey pages.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._waiting = threading.BoundedSemaphore(MAX_WAITING)

    def hash(self, password: str) -> str:
        """Return the hash of a password in its own notation.

        Raises:
            ConfigError: the extra `[console]` is not installed.
            TooBusy: too many passwords are being checked.
        """
        with self._take_turn():
            return _argon2().hash(password)

    def verify(self, password: str, password_hash: str | None) -> bool:
        """Return whether a password has this hash. Without one it takes the same time.

        Raises:
            ConfigError: the extra `[console]` is not installed.
            TooBusy: too many passwords are being checked.
        """
        with self._take_turn():
            is_right = _argon2().verify(password[:MAX_PASSWORD_LENGTH], password_hash or _hash_of_nobody())
        return is_right and password_hash is not None

    @contextmanager
    def _take_turn(self) -> Iterator[None]:
        if not self._waiting.acquire(blocking=False):
            raise TooBusy("too many passwords are being checked; try again in a few seconds")
        try:
            with self._turn:
                yield
        finally:
            self._waiting.release()


PASSWORD_HASHER = PasswordHasher()
"""Of this process."""


def require_console_extra() -> None:
    """Refuse to go on without the extra that hashes passwords.

    Raises:
        ConfigError: it is not installed; says how to install it.
    """
    _argon2()


@lru_cache(maxsize=1)
def _argon2() -> Argon2Hasher:
    try:
        from pwdlib.hashers.argon2 import Argon2Hasher
    except ImportError:
        raise ConfigError(MISSING_EXTRA.partition(":")[0], fix=MISSING_EXTRA.partition(": ")[2]) from None
    return Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


@lru_cache(maxsize=1)
def _hash_of_nobody() -> str:
    return _argon2().hash(secrets.token_urlsafe(32))
