"""The keys of the API as one process knows them: read anew every few seconds, not at every request."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from nps_connect.ledger.api_keys import ApiKeyRow
from nps_connect.records.api_results import ApiCaller, ApiProblem
from nps_connect.services.api_keys.keys import hash_secret, list_keys, parse_key
from nps_connect.services.context import Context

log = logging.getLogger(__name__)

MAX_AGE = timedelta(seconds=10)
"""How long a removed key is still accepted at most."""

MAX_AGE_OF_UNKNOWN = timedelta(seconds=1)
"""An unknown key may have been added just now: the keys are read again, at most once in this time."""

USE_INTERVAL = timedelta(minutes=1)
"""How often the last use of a key is written."""


@dataclass
class _CachedKey:
    """A key as it was read."""

    id: int
    caller: ApiCaller
    secret_hash: str
    expires_at: datetime | None
    last_used_at: datetime | None


class KeyCache:
    """The keys of the API. Methods other than `refresh` and `record_use` do not block.

    Args:
        ctx: the application context.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._keys: Mapping[str, _CachedKey] = {}
        self._read_at: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is no key, so that there is no API."""
        return not self._keys

    def is_stale(self, token: str | None) -> bool:
        """Return whether the keys have to be read before this token can be checked."""
        if self._read_at is None:
            return True
        age = self._ctx.clock() - self._read_at
        parsed = parse_key(token) if token else None
        is_unknown = parsed is not None and parsed[0] not in self._keys
        return age < timedelta(0) or age >= (MAX_AGE_OF_UNKNOWN if is_unknown or self.is_empty else MAX_AGE)

    def refresh(self) -> None:
        """Read the keys."""
        now = self._ctx.clock()
        with self._ctx.ledger.read() as session:
            keys = {row.prefix: _cache_key(row) for row in list_keys(session)}
        self._keys, self._read_at = keys, now

    def authenticate(self, token: str | None) -> ApiCaller:
        """Return who calls.

        Raises:
            ApiProblem: 401: the key is missing, unknown or expired.
        """
        parsed = parse_key(token) if token else None
        row = self._keys.get(parsed[0]) if parsed is not None else None
        if parsed is None or row is None or not hmac.compare_digest(row.secret_hash, hash_secret(parsed[1])):
            raise _unauthorized("unknown-key" if token else "no-key", "send a valid key: Authorization: Bearer npsc_…")
        if row.expires_at is not None and row.expires_at <= self._ctx.clock():
            raise _unauthorized("expired-key", "the key has expired; ask its administrator for a new one")
        return row.caller

    def has_unrecorded_use(self, token: str) -> bool:
        """Return whether the last use of the key of an authenticated request has to be written."""
        row = self._row(token)
        return row is not None and (row.last_used_at is None or self._ctx.clock() - row.last_used_at >= USE_INTERVAL)

    def record_use(self, token: str) -> None:
        """Write when a key was used. That it cannot be written is no reason to refuse the request."""
        row, now = self._row(token), self._ctx.clock()
        if row is None:
            return
        row.last_used_at = now
        statement = update(ApiKeyRow).where(col(ApiKeyRow.id) == row.id).values(last_used_at=now)
        try:
            with self._ctx.ledger.write() as session:
                session.execute(statement.execution_options(synchronize_session=False))
        except DBAPIError:
            log.warning("api_key_use_not_recorded key=%r", row.caller.name)

    def _row(self, token: str) -> _CachedKey | None:
        parsed = parse_key(token)
        return self._keys.get(parsed[0]) if parsed is not None else None


def _cache_key(row: ApiKeyRow) -> _CachedKey:
    caller = ApiCaller(row.id or 0, row.name, frozenset(row.scopes))
    return _CachedKey(caller.key_id, caller, row.secret_hash, row.expires_at, row.last_used_at)


def _unauthorized(kind: str, detail: str) -> ApiProblem:
    challenge = 'Bearer realm="nps_connect"' + ("" if kind == "no-key" else ', error="invalid_token"')
    return ApiProblem(401, kind, detail, headers={"WWW-Authenticate": challenge})
