"""Search endpoint: filters, sorting, paging, and an index that lags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from nps_connect_hubspot.simulated.portal import MODIFIED_PROPERTIES, Portal, Record
from nps_connect_hubspot.simulated.replies import JsonObject, Refusal

MAX_RESULTS = 10_000
MAX_PAGE_SIZE = 200
MAX_QUERY_LENGTH = 3_000
"""Limits of a search (https://developers.hubspot.com/docs/api-reference/latest/crm/search-the-crm)."""


def search(portal: Portal, kind: str, body: JsonObject, indexed_until: datetime) -> JsonObject:
    """Return a page of results.

    Args:
        portal: the data.
        kind: object type.
        body: the query.
        indexed_until: records modified later are not in the index yet.

    Raises:
        Refusal: 400 for a query beyond the limits.
    """
    after, limit = int(body.get("after") or 0), int(body.get("limit") or 10)
    is_too_long = len(str(body.get("query") or "")) > MAX_QUERY_LENGTH or len(body.get("filterGroups") or []) > 5
    if limit > MAX_PAGE_SIZE or after + limit > MAX_RESULTS or is_too_long:
        raise Refusal(400, "VALIDATION_ERROR", "the search exceeds a limit")
    groups = [group["filters"] for group in body.get("filterGroups") or []]
    rows = [
        record
        for record in portal.records[kind].values()
        if not record.archived
        and record.updated <= indexed_until
        and (not groups or any(_matches(record, group) for group in groups))
    ]
    for order in reversed(body.get("sorts") or []):
        name = order["propertyName"]
        rows.sort(key=lambda record: comparable_value(record, name), reverse=order.get("direction") == "DESCENDING")
    content: JsonObject = {
        "total": len(rows),
        "results": [record.to_json(body.get("properties") or []) for record in rows[after : after + limit]],
    }
    if after + limit < len(rows):
        content["paging"] = {"next": {"after": str(after + limit)}}
    return content


def _matches(record: Record, filters: list[JsonObject]) -> bool:
    return all(
        _OPERATORS[rule["operator"]](comparable_value(record, rule["propertyName"]), str(rule.get("value", "")))
        for rule in filters
    )


def comparable_value(record: Record, name: str) -> str:
    """Return a property as search compares it; times are milliseconds, padded so that texts compare like numbers."""
    if name == "hs_object_id":
        return f"{int(record.id):020d}"
    if name == MODIFIED_PROPERTIES.get(record.kind, "hs_lastmodifieddate"):
        return _pad_moment(record.updated)
    if name == "createdate":
        return _pad_moment(record.created)
    return record.properties.get(name, "")


def _pad_moment(moment: datetime) -> str:
    return f"{round(moment.astimezone(UTC).timestamp() * 1000):020d}"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "EQ": lambda stored, value: stored.casefold() == value.casefold(),
    "GTE": lambda stored, value: _number(stored) >= _number(value),
    "GT": lambda stored, value: _number(stored) > _number(value),
    "LT": lambda stored, value: _number(stored) < _number(value),
    "LTE": lambda stored, value: _number(stored) <= _number(value),
    "HAS_PROPERTY": lambda stored, _value: stored != "",
    "CONTAINS_TOKEN": lambda stored, value: value.casefold() in stored.casefold().split(";"),
}
