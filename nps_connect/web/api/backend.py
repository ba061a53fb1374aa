"""`ApiBackend`: the port between the API and the application. `app.api_backend` implements it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from nps_connect.records.api_requests import ApiModel
from nps_connect.records.api_results import ApiCaller, ApiResult, ApiWrite


class ApiBackend(Protocol):
    """Application services that the API calls. Methods run in threads and may block, unless they say otherwise.

    Attributes:
        requests_per_minute: that one key may make in this process.
    """

    requests_per_minute: int

    @property
    def is_enabled(self) -> bool:
        """Whether there is a key; without one there is no API. Does not block."""

    def is_stale(self, token: str | None) -> bool:
        """Return whether `refresh` has to be called before this token can be checked. Does not block."""

    def refresh(self) -> None:
        """Read the keys anew."""

    def authenticate(self, token: str | None) -> ApiCaller:
        """Return who calls. Does not block.

        Raises:
            ApiProblem: 401: the key is missing, unknown or expired.
        """

    def has_unrecorded_use(self, token: str) -> bool:
        """Return whether `record_use` has to be called for an authenticated request. Does not block."""

    def record_use(self, token: str) -> None:
        """Record when a key was used."""

    def write(self, writes: Sequence[ApiWrite]) -> Sequence[ApiResult | Exception]:
        """Carry requests out together; durable on return. One result per request, in order.

        A refused request yields `ApiProblem`.
        """

    def read(self, caller: ApiCaller, query: ApiModel, subject: str | None) -> ApiModel:
        """Return what a query selects; `subject` is the id in the path.

        Raises:
            ApiProblem: the query cannot be answered.
        """
