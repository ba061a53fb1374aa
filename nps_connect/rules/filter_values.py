"""Parse field values for filters. CRMs send numbers, booleans and moments as text; invalid values become None."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from nps_connect.records.base import FieldValue
from nps_connect.records.connectors import FieldType

Comparable = str | Decimal | bool | datetime

_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,3})?")
_LARGEST = 10**30
_MILLISECONDS = re.compile(r"-?[0-9]{12,14}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BOOLEANS = {"true": True, "false": False}


def parse_text(value: FieldValue) -> str | None:
    """Return a text; None if it is empty, because CRMs clear a property by emptying it."""
    if isinstance(value, bool):
        return str(value).lower()
    return _as_text(value) or None


def parse_number(value: FieldValue) -> Decimal | None:
    """Return a finite number, also from text such as ``120.00``, but not with thousands separators or currencies."""
    if type(value) is int:
        return Decimal(value) if abs(value) < _LARGEST else None
    text = "" if isinstance(value, bool) else _as_text(value).strip()
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def parse_boolean(value: FieldValue) -> bool | None:
    """Return a boolean, also from text in upper or lower case."""
    if isinstance(value, bool):
        return value
    return _BOOLEANS.get(value.strip().lower()) if isinstance(value, str) else None


def parse_moment(value: FieldValue) -> datetime | None:
    """Return a moment (UTC) from ISO 8601 (UTC if it has no zone) or milliseconds since 1970, as CRMs send them."""
    text = "" if isinstance(value, bool) else _as_text(value).strip()
    try:
        if _MILLISECONDS.fullmatch(text):
            return _EPOCH + timedelta(milliseconds=int(text))
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _as_text(value: FieldValue) -> str:
    """Return the value as text; empty for None and for integers that are too long to print."""
    if value is None or (isinstance(value, int) and abs(value) > _LARGEST):
        return ""
    return str(value)


PARSERS: Mapping[FieldType, Callable[[FieldValue], Comparable | None]] = {
    "text": parse_text,
    "number": parse_number,
    "boolean": parse_boolean,
    "moment": parse_moment,
}
