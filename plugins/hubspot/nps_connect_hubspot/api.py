"""Calls that several hooks share: batches, searches, and what HubSpot's refusals mean for this portal."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from nps_connect import Connection, Rejected, RetryLater, TargetGone, VendorResponse
from nps_connect_hubspot.errors import DailyLimitReached
from nps_connect_hubspot.paths import PATHS
from nps_connect_hubspot.settings import HubSpotSettings

MAX_BATCH_SIZE = 100
"""Inputs per batch call."""

MAX_HISTORY_BATCH_SIZE = 50
"""Inputs per batch read with property history; HubSpot refuses more."""

JsonObject = dict[str, Any]
"""A record as HubSpot writes it."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class BatchResult:
    """A batch's answer, the same for all versions: 207 and 200 with `errors` are read alike.

    Attributes:
        results: records that were read or written.
        errors: what was refused; holds no input index.
        complete: HubSpot says that it has finished the batch.
    """

    results: tuple[JsonObject, ...]
    errors: tuple[JsonObject, ...]
    complete: bool


class Api:
    """HubSpot as this connection sees it. Made anew for each hook call; holds no state.

    Args:
        connection: the account.
        action: what the calls are for, for error texts.
    """

    def __init__(self, connection: Connection, action: str) -> None:
        self.settings: HubSpotSettings = connection.settings
        self.paths = PATHS[self.settings.api_version]
        self.connection = connection
        self._action = action

    def get(
        self, path: str, *, params: Mapping[str, str | int] | None = None, accept: Collection[int] = ()
    ) -> VendorResponse:
        """Read something small."""
        with self._portal_midnight():
            return self.connection.http.call(
                "GET", path, action=self._action, idempotent=True, params=params, accept=accept
            )

    def details(self) -> tuple[JsonObject, datetime | None]:
        """Who the portal is, and what time it is at HubSpot (to the second).

        Raises:
            RetryLater: the answer is of another shape.
        """
        answer = self.get(self.paths.details)
        told = answer.json_or_none()
        if not isinstance(told, dict):
            raise RetryLater("HubSpot gave an answer of another shape than a portal's details")
        try:
            return told, parsedate_to_datetime(answer.headers.get("date", ""))
        except ValueError:
            return told, None

    def vendor_time(self) -> datetime:
        """The present moment by HubSpot's clock, so that a machine whose clock is off misses no event."""
        return self.details()[1] or self.connection.clock()

    def send(
        self, method: str, path: str, body: object, *, idempotent: bool, accept: Collection[int] = ()
    ) -> VendorResponse:
        """Write something small."""
        with self._portal_midnight():
            return self.connection.http.call(
                method, path, action=self._action, idempotent=idempotent, json=body, accept=accept
            )

    def batch(
        self,
        path: str,
        body: JsonObject,
        *,
        idempotent: bool = True,
        params: Mapping[str, str | int] | None = None,
        quota: str = "general",
    ) -> BatchResult:
        """Call a batch endpoint.

        Raises:
            Rejected: the endpoint itself is not there. A batch tells of a missing record inside its answer, so a 404
                means that the API version has ended, and records must not be taken for gone.
        """
        try:
            with self._portal_midnight():
                told = self.connection.http.call_json(
                    "POST", path, action=self._action, idempotent=idempotent, json=body, params=params, quota=quota
                )
        except TargetGone as gone:
            raise Rejected(
                f"HubSpot has no {path}: API version {self.paths.version} may have ended, choose a newer api_version",
                connection=gone.connection,
                action=gone.action,
                status=gone.status,
                request_id=gone.request_id,
                exchange=gone.exchange,
            ) from None
        if not isinstance(told, dict):
            raise RetryLater("HubSpot gave an answer of another shape than a batch", connection=self.connection.name)
        return BatchResult(
            results=tuple(item for item in told.get("results") or () if isinstance(item, dict)),
            errors=tuple(item for item in told.get("errors") or () if isinstance(item, dict)),
            complete=told.get("status", "COMPLETE") == "COMPLETE",
        )

    def read(
        self,
        kind: str,
        ids: Sequence[str],
        properties: Collection[str],
        *,
        history: Collection[str] = (),
        id_property: str | None = None,
        archived: bool = False,
    ) -> list[JsonObject]:
        """Read records in bulk; those that are not there are left out."""
        found: list[JsonObject] = []
        for part in split_batches(list(dict.fromkeys(ids)), MAX_HISTORY_BATCH_SIZE if history else MAX_BATCH_SIZE):
            body: JsonObject = {
                "inputs": [{"id": value} for value in part],
                "properties": sorted(properties),
                "propertiesWithHistory": sorted(history),
            }
            if id_property:
                body["idProperty"] = id_property
            params = {"archived": "true"} if archived else None
            found += self.batch(self.paths.batch(kind, "read"), body, params=params).results
        return found

    def associated(self, source: str, target: str, ids: Sequence[str]) -> dict[str, list[JsonObject]]:
        """What each record is associated with: `toObjectId` and `associationTypes`, by the record's id."""
        found: dict[str, list[JsonObject]] = {}
        for part in split_batches(list(dict.fromkeys(ids)), MAX_BATCH_SIZE):
            answer = self.batch(self.paths.associated(source, target), {"inputs": [{"id": value} for value in part]})
            for result in answer.results:
                origin = result.get("from")
                if isinstance(origin, dict):
                    links = [link for link in result.get("to") or () if isinstance(link, dict)]
                    found.setdefault(str(origin.get("id")), []).extend(links)
        return found

    def search(self, kind: str, body: JsonObject) -> JsonObject:
        """One page of a search, counted against the search quota."""
        with self._portal_midnight():
            told = self.connection.http.call_json(
                "POST", self.paths.search(kind), action=self._action, idempotent=True, json=body, quota="search"
            )
        return told if isinstance(told, dict) else {}

    @contextmanager
    def _portal_midnight(self) -> Iterator[None]:
        """The daily limit ends at midnight in the portal's time zone, if the settings name it."""
        try:
            yield
        except DailyLimitReached as error:
            if self.settings.portal_timezone:
                error.until = next_midnight(self.connection.clock(), ZoneInfo(self.settings.portal_timezone))
                error.after = error.until - self.connection.clock()
            raise


def next_midnight(now: datetime, zone: ZoneInfo) -> datetime:
    """The start of the next calendar day of a time zone, in UTC."""
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), tzinfo=zone).astimezone(UTC)


def split_batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Cut a list into parts of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
