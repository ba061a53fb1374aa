"""Filters: the ``where`` of a trigger, such as ``amount >= 100 and stage in ["won", "closed"]``.

The grammar is the comparison part of the rule-engine library: ``== != < <= > >=``, ``in`` and ``not in`` with a list or
a text, ``and``, ``or``, ``not``, brackets; texts in quotes, numbers, ``true``, ``false``, ``null`` (no value), and
moments as ``d"2026-01-31T09:00:00Z"``. Nothing is evaluated as code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from nps_connect.records.base import FieldValue
from nps_connect.records.connectors import FieldType
from nps_connect.rules.filter_tokens import FilterError, Token, suggest_names, tokenize
from nps_connect.rules.filter_values import Comparable

if TYPE_CHECKING:
    from nps_connect.rules.filter_conditions import Condition

__all__ = ["PERSON_FIELDS", "Filter", "FilterError", "compile_filter"]

PERSON_FIELDS: Mapping[str, FieldType] = {
    "contact.email_domain": "text",
    "contact.language": "text",
    "contact.name": "text",
    "contact.timezone": "text",
    "history.answers": "number",
    "history.last_score": "number",
    "history.last_answered_at": "moment",
    "history.last_surveyed_at": "moment",
}
"""Fields of the person that every filter may use, in addition to the fields of the event."""


@dataclass(frozen=True)
class Filter:
    """A compiled filter; safe for use by several threads.

    Attributes:
        text: as the operator wrote it.
        names: fields of the event that it uses, to be requested from the vendor.
        person_fields: those of `PERSON_FIELDS` that it uses.
        compared_types: types that each field is compared as; fields that are only compared with null are absent.
        compared_values: literal values that each field is compared with.
        date_like_fields: fields that are ordered against a text that looks like a date. Texts are ordered letter by
            letter, which is rarely meant.
    """

    text: str
    names: frozenset[str]
    person_fields: frozenset[str]
    compared_types: Mapping[str, frozenset[FieldType]] = field(repr=False, compare=False)
    compared_values: Mapping[str, frozenset[Comparable]] = field(repr=False, compare=False)
    date_like_fields: frozenset[str] = field(repr=False, compare=False)
    _condition: Condition = field(repr=False, compare=False)

    @cached_property
    def all_fields(self) -> tuple[str, ...]:
        """Every field that it uses, in alphabetical order."""
        return tuple(sorted(self.names | self.person_fields))

    def matches(self, values: Mapping[str, FieldValue]) -> bool:
        """Whether these values pass. Never raises.

        A comparison with a field that is missing, null, empty or invalid for its type is unknown, and so is its
        negation: ``amount >= 100``, ``amount < 100`` and ``not amount >= 100`` all refuse an event without an amount.
        Only ``amount == null`` accepts it.
        """
        return self._condition(values) is True


def compile_filter(text: str, fields: Mapping[str, FieldType], *, open_fields: bool) -> Filter:
    """Compile a filter and check every name and type in it.

    Args:
        text: at most 1,000 characters.
        fields: declared fields of the event with their types, to which `PERSON_FIELDS` are added.
        open_fields: allow undeclared names without dots; they take the type of what they are compared with.

    Raises:
        FilterError: with the column and the fix.
    """
    import rule_engine  # imported late: building its parser takes as long as the rest of the start

    from nps_connect.rules.filter_conditions import ConditionBuilder

    all_fields = {**fields, **PERSON_FIELDS}
    tokens = tokenize(text)
    names = [token for token in tokens if token.kind == "name"]
    for token in names:
        if token.text not in all_fields and (not open_fields or "." in token.text):
            raise FilterError(
                f"unknown field {token.text!r}, {suggest_names(token.text, sorted(all_fields))}", token.column
            )
    _check_moments(tokens)
    try:
        tree = rule_engine.Rule(_mask_names(text, names), rule_engine.Context(default_timezone="utc"))
        builder = ConditionBuilder(all_fields, names)
        condition = builder.condition(tree.statement.expression)
    except rule_engine.RuleSyntaxError as error:
        column = error.token.lexpos + 1 if error.token is not None else len(text) + 1
        problem = "the filter ends too early" if error.token is None else "this is not expected here"
        raise FilterError(f'{problem}; a condition looks like: amount >= 100 and stage == "won"', column) from None
    except rule_engine.EngineError as error:
        raise FilterError(f"cannot be understood ({error.message})", tokens[0].column) from None
    except RecursionError:
        raise FilterError("too many conditions inside each other", tokens[0].column) from None
    field_names = frozenset(token.text for token in names)
    person_fields = field_names & PERSON_FIELDS.keys()
    return Filter(
        text=text,
        names=field_names - person_fields,
        person_fields=person_fields,
        compared_types={name: frozenset(kinds) for name, kinds in builder.compared_types.items()},
        compared_values={name: frozenset(values) for name, values in builder.compared_values.items()},
        date_like_fields=frozenset(builder.date_like_fields),
        _condition=condition,
    )


def _mask_names(text: str, names: list[Token]) -> str:
    """Replace every name by underscores of equal length, so that the parser accepts dots and reserved words."""
    characters = list(text)
    for token in names:
        start = token.column - 1
        characters[start : start + len(token.text)] = "_" * len(token.text)
    return "".join(characters)


def _check_moments(tokens: list[Token]) -> None:
    for token in tokens:
        if token.kind != "text" or not token.text.startswith("d"):
            continue
        try:
            moment = datetime.fromisoformat(token.text[2:-1])
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            example = datetime(2026, 1, 31, 9, tzinfo=UTC).isoformat().replace("+00:00", "Z")
            raise FilterError(f'a moment names its date, time and zone, such as d"{example}"', token.column)
