"""The search endpoint: filters, sorting, paging, and an index that lags behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from nps_connect_hubspot.simulated.portal import MODIFIED, Portal, Record
from nps_connect_hubspot.simulated.replies import Raw, Refusal

MOST = 10_000
PAGE = 200


def search(portal: Portal, kind: str, body: Raw, indexed_until: datetime) -> Raw:
    """A page of results.

    Args:
        portal: the data.
        kind: object type.
        body: the query.
        indexed_until: records modified later are not in the index yet.

    Raises:
        Refusal: 400 for a query beyond the limits.
    """
    after, limit = int(body.get("after") or 0), int(body.get("limit") or 10)
    if limit > PAGE or after + limit > MOST or len(body.get("filterGroups") or []) > 5:
        raise Refusal(400, "VALIDATION_ERROR", "the search exceeds a limit")
    groups = [group["filters"] for group in body.get("filterGroups") or []]
    rows = [
        record
        for record in portal.records[kind].values()
        if not record.archived
        and record.updated <= indexed_until
        and (not groups or any(_fits(record, g) for g in groups))
    ]
    for order in reversed(body.get("sorts") or []):
        name = order["propertyName"]
        rows.sort(key=lambda record: value_of(record, name), reverse=order.get("direction") == "DESCENDING")
    answer: Raw = {
        "total": len(rows),
        "results": [record.told(body.get("properties") or []) for record in rows[after : after + limit]],
    }
    if after + limit < len(rows):
        answer["paging"] = {"next": {"after": str(after + limit)}}
    return answer


def _fits(record: Record, filters: list[Raw]) -> bool:
    return all(
        _OPERATORS[wanted["operator"]](value_of(record, wanted["propertyName"]), str(wanted.get("value", "")))
        for wanted in filters
    )


def value_of(record: Record, name: str) -> str:
    """A property as search compares it; moments in milliseconds, padded so that texts compare like numbers."""
    if name == MODIFIED.get(record.kind, "hs_lastmodifieddate"):
        return _padded(record.updated)
    if name == "createdate":
        return _padded(record.created)
    return record.properties.get(name, "")


def _padded(moment: datetime) -> str:
    return f"{round(moment.astimezone(UTC).timestamp() * 1000):020d}"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "EQ": lambda there, value: there.casefold() == value.casefold(),
    "GTE": lambda there, value: _number(there) >= _number(value),
    "GT": lambda there, value: _number(there) > _number(value),
    "LT": lambda there, value: _number(there) < _number(value),
    "LTE": lambda there, value: _number(there) <= _number(value),
    "HAS_PROPERTY": lambda there, _value: there != "",
    "CONTAINS_TOKEN": lambda there, value: value.casefold() in there.casefold().split(";"),
}
