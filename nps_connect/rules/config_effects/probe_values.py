"""Values on both sides of every limit that filters name."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from nps_connect.records.base import FieldValue
from nps_connect.records.connectors import FieldType
from nps_connect.rules.filter_tokens import tokenize
from nps_connect.rules.filters import PERSON_FIELDS, Filter

OTHER_TEXT = "another value"


def probe_values(filters: Iterable[Filter]) -> dict[str, list[FieldValue]]:
    """Return the values to try, by field: each literal of the field's types, its neighbours, and a missing value."""
    literals: dict[str, list[str]] = {"text": [], "number": [], "moment": []}
    types: dict[str, set[FieldType]] = {}
    for compiled in filters:
        for name in compiled.all_fields:
            declared: Iterable[FieldType] = compiled.compared_types.get(name, ("text",))
            declared = (PERSON_FIELDS[name],) if name in PERSON_FIELDS else declared
            types.setdefault(name, set()).update(declared)
        for token in tokenize(compiled.text):
            if token.kind == "number":
                literals["number"].append(token.text)
            elif token.kind == "text":
                is_moment = token.text.startswith("d")
                literals["moment" if is_moment else "text"].append(token.text.removeprefix("d"))
    values = {}
    for name, kinds in sorted(types.items()):
        candidates = [value for kind in sorted(kinds) for value in _values_of(kind, literals.get(kind, []))]
        values[name] = list(dict.fromkeys([*filter(lambda value: _is_possible(name, value), candidates), None]))
    return values


def _values_of(kind: FieldType, literals: Iterable[str]) -> Iterator[FieldValue]:
    if kind == "boolean":
        yield from (True, False)
    elif kind == "number":
        for text in literals:
            number = float(text)
            yield from (_shorten(number), _shorten(number - 1), _shorten(number + 1))
    elif kind == "moment":
        for text in literals:
            moment = datetime.fromisoformat(ast.literal_eval(text))
            yield from ((moment + timedelta(days=days)).isoformat() for days in (0, -1, 1))
    else:
        yield from (str(ast.literal_eval(text)) for text in literals)
        yield OTHER_TEXT


def _shorten(number: float) -> int | float:
    return int(number) if number.is_integer() else number


def _is_possible(name: str, value: FieldValue) -> bool:
    """Return whether a field can have a value: there is no score 11."""
    if name == "history.last_score":
        return isinstance(value, int) and 0 <= value <= 10
    return name != "history.answers" or (isinstance(value, int) and value >= 0)
