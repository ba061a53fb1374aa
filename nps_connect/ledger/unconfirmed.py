"""Which responses are not confirmed: provisional ones, and those with conflicting scores."""

from __future__ import annotations

IS_UNCONFIRMED = "revision = 0 OR conflicting_at IS NOT NULL"
"""Predicate of a partial index, stated in queries word for word."""

COUNTED_COLUMNS = (
    *("survey", "touchpoint", "language", "collected_by"),
    *("scale", "revision", "conflicting_at", "provisional_at", "answered_at"),
)
"""Columns by which they are counted, from the index alone."""
