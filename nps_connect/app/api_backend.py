"""The port `ApiBackend` of the API, implemented with the services."""

from __future__ import annotations

from collections.abc import Sequence

from nps_connect.records.api_requests import ApiModel
from nps_connect.records.api_results import ApiCaller, ApiResult, ApiWrite
from nps_connect.services.api.reads import execute_read
from nps_connect.services.api.writes import execute_writes
from nps_connect.services.api_keys.key_cache import KeyCache
from nps_connect.services.context import Context


class ApplicationApiBackend:
    """Application services that the API calls."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._keys = KeyCache(ctx)
        self.requests_per_minute = ctx.settings.api.requests_per_minute

    @property
    def is_enabled(self) -> bool:
        """Whether there is a key; without one there is no API."""
        return not self._keys.is_empty

    def is_stale(self, token: str | None) -> bool:
        """Return whether the keys have to be read before this token can be checked."""
        return self._keys.is_stale(token)

    def refresh(self) -> None:
        """Read the keys."""
        self._keys.refresh()

    def authenticate(self, token: str | None) -> ApiCaller:
        """Return who calls."""
        return self._keys.authenticate(token)

    def has_unrecorded_use(self, token: str) -> bool:
        """Return whether the use of a key has to be recorded."""
        return self._keys.has_unrecorded_use(token)

    def record_use(self, token: str) -> None:
        """Record when a key was used."""
        self._keys.record_use(token)

    def write(self, writes: Sequence[ApiWrite]) -> list[ApiResult | Exception]:
        """Carry requests out together."""
        return execute_writes(self._ctx, writes)

    def read(self, caller: ApiCaller, query: ApiModel, subject: str | None) -> ApiModel:
        """Return what a query selects."""
        return execute_read(self._ctx, caller, query, subject)
