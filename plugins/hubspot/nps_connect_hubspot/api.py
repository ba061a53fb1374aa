"""Calls that several hooks share: single requests, batches and searches, with HubSpot's batch limits."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from nps_connect import Connection, Rejected, RetryLater, TargetGone, VendorResponse
from nps_connect_hubspot.errors import DailyLimitReached
from nps_connect_hubspot.paths import PATHS
from nps_connect_hubspot.settings import HubSpotSettings

MAX_BATCH_SIZE = 100
"""Inputs per batch call (HubSpot API reference, batch endpoints)."""

MAX_HISTORY_BATCH_SIZE = 50
"""Inputs per batch read with property history; HubSpot rejects larger ones."""

JsonObject = dict[str, Any]
"""A record in HubSpot's JSON form."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class BatchResult:
    """The response of a batch endpoint, the same for all API versions: 200 and 207 with `errors` are parsed alike.

    Attributes:
        results: records that were read or written.
        errors: refused entries; they contain no input index.
        complete: whether HubSpot has finished the batch.
    """

    results: tuple[JsonObject, ...]
    errors: tuple[JsonObject, ...]
    complete: bool


class Api:
    """HubSpot's API for one connection; created for each hook call.

    Args:
        connection: the connection.
        action: purpose of the calls, for error texts.
    """

    def __init__(self, connection: Connection[HubSpotSettings], action: str) -> None:
        self.settings = connection.settings
        self.paths = PATHS[self.settings.api_version]
        self.connection = connection
        self._action = action

    def get(
        self, path: str, *, params: Mapping[str, str | int] | None = None, accept: Collection[int] = ()
    ) -> VendorResponse:
        """Send a `GET` request."""
        with self._portal_midnight():
            return self.connection.http.call(
                "GET", path, action=self._action, idempotent=True, params=params, accept=accept
            )

    def details(self) -> tuple[JsonObject, datetime | None]:
        """Return the portal's details, and HubSpot's time of the response (whole seconds, UTC; None if it is missing).

        Raises:
            RetryLater: the response is not a JSON object.
        """
        response = self.get(self.paths.details)
        details = response.json_or_none()
        if not isinstance(details, dict):
            raise RetryLater("unexpected response from HubSpot instead of the portal's details")
        return details, response.sent_at

    def vendor_time(self) -> datetime:
        """Return the current time by HubSpot's clock, so that polling misses no event when the local clock is wrong."""
        return self.details()[1] or self.connection.clock()

    def send(
        self, method: str, path: str, body: object, *, idempotent: bool, accept: Collection[int] = ()
    ) -> VendorResponse:
        """Send a request with a JSON body."""
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
            Rejected: the endpoint does not exist. Batch responses report missing records in their body, so a 404 means
                that the API version has ended, and not that the records are gone.
        """
        try:
            with self._portal_midnight():
                response = self.connection.http.call_json(
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
        if not isinstance(response, dict):
            text = "unexpected response from HubSpot instead of a batch result"
            raise RetryLater(text, connection=self.connection.name)
        return BatchResult(
            results=tuple(item for item in response.get("results") or () if isinstance(item, dict)),
            errors=tuple(item for item in response.get("errors") or () if isinstance(item, dict)),
            complete=response.get("status", "COMPLETE") == "COMPLETE",
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
        """Read records in bulk; missing records are left out."""
        records: list[JsonObject] = []
        for part in split_batches(list(dict.fromkeys(ids)), MAX_HISTORY_BATCH_SIZE if history else MAX_BATCH_SIZE):
            body: JsonObject = {
                "inputs": [{"id": value} for value in part],
                "properties": sorted(properties),
                "propertiesWithHistory": sorted(history),
            }
            if id_property:
                body["idProperty"] = id_property
            params = {"archived": "true"} if archived else None
            records += self.batch(self.paths.batch(kind, "read"), body, params=params).results
        return records

    def associated(self, source: str, target: str, ids: Sequence[str]) -> dict[str, list[JsonObject]]:
        """Return the associations of each record (`toObjectId` and `associationTypes`) by the record's id."""
        links_by_id: dict[str, list[JsonObject]] = {}
        for part in split_batches(list(dict.fromkeys(ids)), MAX_BATCH_SIZE):
            inputs: list[JsonObject] = [{"id": value} for value in part]
            while inputs:
                inputs = self._associated_page(self.paths.associated(source, target), inputs, links_by_id)
        return links_by_id

    def _associated_page(
        self, path: str, inputs: Sequence[JsonObject], links_by_id: dict[str, list[JsonObject]]
    ) -> list[JsonObject]:
        """Add a page of associations to `links_by_id`; return the inputs of the next page: each result has its own."""
        sent = {(item["id"], item.get("after")) for item in inputs}
        following = []
        for entry in self.batch(path, {"inputs": list(inputs)}).results:
            origin = entry.get("from")
            if not isinstance(origin, dict):
                continue
            record_id = str(origin.get("id"))
            links_by_id.setdefault(record_id, []).extend(
                link for link in entry.get("to") or () if isinstance(link, dict)
            )
            after = next_cursor(entry)
            if after is not None and (record_id, after) not in sent:
                following.append({"id": record_id, "after": after})
        return following

    def search(self, kind: str, body: JsonObject) -> JsonObject:
        """Return one page of a search; it counts against the search quota."""
        with self._portal_midnight():
            response = self.connection.http.call_json(
                "POST", self.paths.search(kind), action=self._action, idempotent=True, json=body, quota="search"
            )
        return response if isinstance(response, dict) else {}

    @contextmanager
    def _portal_midnight(self) -> Iterator[None]:
        """Set the end of the daily limit to midnight in the portal's time zone, if the settings name it."""
        try:
            yield
        except DailyLimitReached as error:
            if self.settings.portal_timezone:
                error.until = next_midnight(self.connection.clock(), ZoneInfo(self.settings.portal_timezone))
                error.after = error.until - self.connection.clock()
            raise


def next_cursor(content: Mapping[str, Any]) -> str | None:
    """Return the cursor of the next page (`paging.next.after`), or None on the last page."""
    paging = content.get("paging")
    following = paging.get("next") if isinstance(paging, dict) else None
    after = following.get("after") if isinstance(following, dict) else None
    return str(after) if after else None


def next_midnight(now: datetime, zone: ZoneInfo) -> datetime:
    """Return the start of the next calendar day of a time zone, in UTC."""
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), tzinfo=zone).astimezone(UTC)


def split_batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Split a sequence into parts of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
