"""Find field values that filters accept or refuse, by trying the values that decide its comparisons."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import combinations, islice, product

from nps_connect.records.base import FieldValue
from nps_connect.records.connectors import FieldType
from nps_connect.rules.filter_values import Comparable
from nps_connect.rules.filters import Filter

MAX_COMBINATIONS = 50_000
"""Combinations of values that are tried; a filter of six fields with six values each has fewer."""

OTHER_TEXT = "other"
_SAMPLE_VALUES: Mapping[FieldType, Sequence[FieldValue]] = {
    "text": ("a", "b"),
    "number": (1, 2),
    "boolean": (True, False),
    "moment": ("2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00"),
}
"""Values of a field that is compared with no literal, such as with another field."""


class TooManyCombinations(ValueError):
    """A filter has more fields and literals than can be tried."""


def find_field_values(
    accepting: Filter | None,
    *,
    choices: Mapping[str, Sequence[FieldValue]] | None = None,
    refusing: Sequence[Filter] = (),
) -> dict[str, FieldValue] | None:
    """Return field values that a filter accepts and others refuse; None if there are none.

    Every comparison changes its result only at its literals, so the literals, their neighbours and a missing value
    stand for all values. The values that the filter itself names are tried first. A field that only the refusing
    filters name gets a value only if they cannot be made to refuse otherwise: it may decide what the event is.

    Args:
        accepting: the filter that is to accept the values; None accepts all.
        choices: the only values that some fields can have, by field, such as the stages of the account.
        refusing: filters that are to refuse the values.

    Raises:
        TooManyCombinations: not every combination can be tried.
    """
    filters = [*([accepting] if accepting is not None else []), *refusing]
    needed = sorted(accepting.all_fields) if accepting is not None else []
    others = sorted({name for compiled in filters for name in compiled.all_fields} - set(needed))
    candidates = {name: _candidates(filters, name, (choices or {}).get(name)) for name in (*needed, *others)}
    for chosen in _subsets(others):
        left_open = [name for name in others if name not in chosen]
        for values in _combinations(candidates, sorted({*needed, *chosen})):
            if accepting is not None and not accepting.matches(values):
                continue
            if not any(_may_match(compiled, values, candidates, left_open) for compiled in refusing):
                return values
    if math.prod(map(len, candidates.values())) > MAX_COMBINATIONS:
        raise TooManyCombinations(f"the filter has more than {MAX_COMBINATIONS:,} combinations of values")
    return None


def _subsets(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the subsets of the names, smallest first."""
    for size in range(len(names) + 1):
        yield from combinations(names, size)


def _combinations(
    candidates: Mapping[str, Sequence[FieldValue]], names: Sequence[str]
) -> Iterator[dict[str, FieldValue]]:
    """Yield the combinations of the fields' candidates, `MAX_COMBINATIONS` at most."""
    for values in islice(product(*(candidates[name] for name in names)), MAX_COMBINATIONS):
        yield dict(zip(names, values, strict=True))


def _may_match(
    compiled: Filter,
    values: Mapping[str, FieldValue],
    candidates: Mapping[str, Sequence[FieldValue]],
    left_open: Sequence[str],
) -> bool:
    """Return whether a filter accepts the values with some value of the fields that are left open."""
    names = [name for name in left_open if name in compiled.all_fields]
    return any(compiled.matches({**values, **others}) for others in _combinations(candidates, names))


def _candidates(filters: Sequence[Filter], name: str, choices: Sequence[FieldValue] | None) -> list[FieldValue]:
    """Return the values to try for a field: its literals, their neighbours, and None for a missing value."""
    literals = [literal for compiled in filters for literal in sorted(compiled.compared_values.get(name, ()), key=str)]
    values = list(dict.fromkeys(map(_field_value, literals)))
    if choices is not None:
        named = [choice for choice in choices if choice in values]
        others = [choice for choice in choices if choice not in named][: len(values) + 1]
        return [*named, *others, None]
    for literal in literals:
        values += _neighbours(literal)
    if not values:
        kinds = {kind for compiled in filters for kind in compiled.compared_types.get(name, ())}
        for kind in sorted(kinds) or sorted(_SAMPLE_VALUES):  # compared with null only: of any type
            values += _SAMPLE_VALUES[kind]
    return [*dict.fromkeys(values), None]


def _neighbours(literal: Comparable) -> list[FieldValue]:
    """Return values on both sides of a literal: smaller and greater, containing it and not containing it."""
    if isinstance(literal, bool):
        return [not literal]
    if isinstance(literal, Decimal):
        return [_field_value(literal + 1), _field_value(literal - 1)]
    if isinstance(literal, datetime):
        return [_field_value(literal + timedelta(days=1)), _field_value(literal - timedelta(days=1))]
    return [f"{literal} {OTHER_TEXT}", OTHER_TEXT, "!"]


def _field_value(literal: Comparable) -> FieldValue:
    """Return a literal as the value of a field."""
    if isinstance(literal, Decimal):
        return int(literal) if literal == literal.to_integral_value() else float(literal)
    return literal.isoformat() if isinstance(literal, datetime) else literal
