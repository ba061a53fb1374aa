"""Cursors: where a page of a list ends, as a text that is opaque to its users."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import datetime

PageKey = tuple[int | datetime, ...]
"""Where a page ends: the values of its last row by which the list is ordered."""

_MAX_ID = 2**63


def encode_cursor(kind: str, key: PageKey | None) -> str | None:
    """Return the cursor for the rows after a key of a list; None without a key."""
    if key is None:
        return None
    values = [value.isoformat() if isinstance(value, datetime) else value for value in key]
    return base64.urlsafe_b64encode(json.dumps([kind, *values]).encode()).decode().rstrip("=")


def decode_cursor(text: str, kind: str, types: Sequence[type] | None = None) -> PageKey:
    """Return the key of a cursor.

    Args:
        text: the cursor.
        kind: of list, such as ``deliveries``.
        types: of the values of the key; None accepts any.

    Raises:
        ValueError: the cursor is damaged, or of another list.
    """
    try:
        list_name, *values = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        key = tuple(datetime.fromisoformat(value) if isinstance(value, str) else int(value) for value in values)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise ValueError("not a cursor that a list returned") from None
    if list_name != kind or not key:
        raise ValueError(f"it belongs to another list: {list_name}")
    is_usable = all(value.tzinfo is not None if isinstance(value, datetime) else abs(value) < _MAX_ID for value in key)
    if not is_usable or (types is not None and [*map(type, key)] != [*types]):
        raise ValueError("not a cursor that a list returned")
    return key
