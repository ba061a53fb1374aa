"""Reading of the incremental exports and of the list of deleted users, with the time by Zendesk's clock.

Source: developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nps_connect import Connection, RetryLater, VendorResponse
from nps_connect_zendesk.api import API_PATH, PAGE_SIZE
from nps_connect_zendesk.settings import ZendeskSettings

EXPORT_QUOTA = "export"
START_LAG_SECONDS = 120
"""Seconds; the export rejects a start within the last minute of Zendesk's clock. The second minute is a margin."""

EXPORT_PAGE_SIZE = 500


@dataclass(frozen=True)
class Page:
    """One page of a list.

    Attributes:
        rows: records in Zendesk's form; tickets with their metric set.
        cursor: of the next page; None if the list has none.
        more: whether another page exists now.
        read_at: time of the response by Zendesk's clock, or by ours if the response has no usable `Date`.
    """

    rows: tuple[dict[str, Any], ...]
    cursor: str | None
    more: bool
    read_at: datetime


def vendor_time(connection: Connection[ZendeskSettings], *, action: str) -> datetime:
    """Return the current time by Zendesk's clock, from the response to a cheap call.

    Raises:
        DeliveryError: any.
    """
    response = connection.http.call("GET", f"{API_PATH}/users/me", action=action, idempotent=True)
    return response.sent_at or connection.clock()


def latest_start(connection: Connection[ZendeskSettings], *, action: str) -> int:
    """Return the latest `start_time` (seconds since 1970) that the export accepts for certain.

    Raises:
        DeliveryError: any.
    """
    return int(vendor_time(connection, action=action).timestamp()) - START_LAG_SECONDS


def load_export(
    connection: Connection[ZendeskSettings], stream: str, params: Mapping[str, str | int], *, action: str
) -> Page:
    """Return a page of changed tickets or users, from a `start_time` or a `cursor`.

    Raises:
        DeliveryError: any.
    """
    query = {"per_page": EXPORT_PAGE_SIZE, **({"include": "metric_sets"} if stream == "tickets" else {}), **params}
    response = connection.http.call(
        "GET",
        f"{API_PATH}/incremental/{stream}/cursor",
        action=action,
        idempotent=True,
        params=query,
        quota=EXPORT_QUOTA,
    )
    body = _json_object(response)
    metrics = {metric.get("ticket_id"): metric for metric in body.get("metric_sets") or []}
    rows = tuple(body.get(stream) or [])
    for row in rows:
        row.setdefault("metric_set", metrics.get(row.get("id")))
    cursor = body.get("after_cursor") or None
    more = not body.get("end_of_stream", True) and cursor is not None
    return Page(rows, cursor, more, response.sent_at or connection.clock())


def load_deleted_users(connection: Connection[ZendeskSettings], cursor: str | None, *, action: str) -> Page:
    """Return a page of deleted users, those deleted permanently included.

    Source: developer.zendesk.com/api-reference/ticketing/users/users/#list-deleted-users.

    Raises:
        DeliveryError: any.
    """
    params: dict[str, str | int] = {"page[size]": PAGE_SIZE, **({"page[after]": cursor} if cursor else {})}
    response = connection.http.call("GET", f"{API_PATH}/deleted_users", action=action, idempotent=True, params=params)
    body = _json_object(response)
    meta = body.get("meta") or {}
    after = meta.get("after_cursor") if meta.get("has_more") else None
    return Page(
        tuple(body.get("deleted_users") or []), after or None, bool(after), response.sent_at or connection.clock()
    )


def _json_object(response: VendorResponse) -> dict[str, Any]:
    body = response.json_or_none()
    if not isinstance(body, dict):
        raise RetryLater("unexpected response from Zendesk instead of a list")
    return body
