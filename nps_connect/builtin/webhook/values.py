"""Values of a payload as the types that events need. Pure; None where a value cannot be used."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from nps_connect import FieldValue

MAX_TEXT_LENGTH = 2000
"""Longer texts of fields are cut: filters compare words, not documents."""

MAX_NAME_LENGTH = 200
MILLISECONDS_FROM = 100_000_000_000
"""Epoch numbers from this one on are milliseconds: as seconds it would be the year 5138."""

_EMAIL = re.compile(r"[^@\s<>,;]{1,64}@[^@\s<>,;]+\.[^@\s<>,;]+")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_NUMBER = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?")
_BOOLEANS: dict[object, bool] = {"true": True, "false": False, "1": True, "0": False, 1: True, 0: False}


def as_text(value: Any) -> str | None:  # noqa: ANN401  # JSON
    """Return a text, a number or a list of these as one text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value) if math.isfinite(value) else None
    if isinstance(value, list):
        return ", ".join(filter(None, (as_text(item) for item in value if not isinstance(item, list)))) or None
    return None


def as_id(value: Any) -> str | None:  # noqa: ANN401  # JSON
    """Return the text of an id: of a text or a number only."""
    is_id = isinstance(value, str | int | float) and not isinstance(value, bool)
    return as_text(value) if is_id else None


def as_email(value: Any) -> str | None:  # noqa: ANN401  # JSON
    """Return an e-mail address."""
    text = value.strip() if isinstance(value, str) else ""
    return text if len(text) <= 320 and _EMAIL.fullmatch(text) else None


def as_name(value: Any) -> str | None:  # noqa: ANN401  # JSON
    """Return a name; the parts of a list are joined by spaces."""
    parts = value if isinstance(value, list) else [value]
    text = " ".join(part.strip() for part in parts if isinstance(part, str) and part.strip())
    return text[:MAX_NAME_LENGTH] or None


def as_language(value: Any) -> str | None:  # noqa: ANN401  # JSON
    """Return a language tag; ``fr_CA`` is read as ``fr-CA``."""
    text = value.strip().replace("_", "-") if isinstance(value, str) else ""
    return text if _LANGUAGE.fullmatch(text) else None


def as_moment(value: Any, zone: str | None) -> datetime | None:  # noqa: ANN401  # JSON
    """Return the UTC time of an ISO 8601 text, or of epoch seconds or milliseconds.

    Args:
        value: JSON content.
        zone: IANA time zone of texts without an offset; without it, such texts cannot be used.
    """
    try:
        if isinstance(value, str) and _NUMBER.fullmatch(value.strip()) and len(value.strip()) > 8:
            value = float(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000 if abs(value) >= MILLISECONDS_FROM else value, UTC)
        if not isinstance(value, str):
            return None
        moment = datetime.fromisoformat(value.strip())
        if moment.tzinfo is None:
            if zone is None:
                return None
            moment = moment.replace(tzinfo=ZoneInfo(zone))
        return moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def as_field(value: Any, field_type: str) -> FieldValue:  # noqa: ANN401  # JSON
    """Return the value of a field of this type."""
    if field_type == "number":
        return _as_number(value)
    if field_type == "boolean":
        key = value.strip().lower() if isinstance(value, str) else value
        return value if isinstance(value, bool) else _BOOLEANS.get(key) if isinstance(key, str | int) else None
    if field_type == "moment":
        moment = as_moment(value, "UTC")
        return moment.isoformat() if moment else None
    text = as_text(value)
    return text[:MAX_TEXT_LENGTH] if text else None


def _as_number(value: Any) -> int | float | None:  # noqa: ANN401  # JSON
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) and abs(value) < 10**15 else None
