"""Filters: the ``where`` of a trigger, such as ``amount >= 100 and stage in ["won", "closed"]``.

The grammar is the comparing part of the rule-engine library: ``== != < <= > >=``, ``in`` and ``not in`` with a list or
a text, ``and``, ``or``, ``not``, brackets; texts in quotes, numbers, ``true``, ``false``, ``null`` (no value), and
moments as ``d"2026-01-31T09:00:00Z"``. Nothing is ever evaluated as code.
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
"""What every filter may ask about the person, beside the event's own fields."""


@dataclass(frozen=True)
class Filter:
    """A compiled filter; safe for use by several threads.

    Attributes:
        text: as the operator wrote it.
        names: the fields of the event that it asks about: what the vendor has to be asked for.
        personal: those of `PERSON_FIELDS` that it asks about.
        compared: what each field is compared as; fields of which only the presence is asked are absent.
        dated: fields whose order with a text is asked that looks like a date: letter by letter, which is rarely meant.
    """

    text: str
    names: frozenset[str]
    person_fields: frozenset[str]
    compared_types: Mapping[str, frozenset[FieldType]] = field(repr=False, compare=False)
    date_like_fields: frozenset[str] = field(repr=False, compare=False)
    _condition: Condition = field(repr=False, compare=False)

    @cached_property
    def all_fields(self) -> tuple[str, ...]:
        """Every field that it asks about, in alphabetical order."""
        return tuple(sorted(self.names | self.person_fields))

    def matches(self, values: Mapping[str, FieldValue]) -> bool:
        """Whether these values pass.

        A comparison with a field that is missing, none, empty, or unreadable as its type does not hold, and neither
        does its opposite: ``amount >= 100``, ``amount < 100`` and ``not amount >= 100`` all refuse an event without an
        amount. Only ``amount == null`` lets it through. Never raises.
        """
        return self._condition(values) is True


def compile_filter(text: str, fields: Mapping[str, FieldType], *, open_fields: bool) -> Filter:
    """Read a filter and check every name and type in it.

    Args:
        text: at most 1,000 characters.
        fields: the event's known fields with their types; `PERSON_FIELDS` are known besides.
        open_fields: names without dots that are not in `fields` are allowed, and take the type of what they are
            compared with: with a number they are compared as numbers, with a text as texts.

    Raises:
        FilterError: with the column and the fix.
    """
    import rule_engine  # it builds its parser when it is imported, which takes as long as starting the rest does

    from nps_connect.rules.filter_conditions import ConditionBuilder

    known = {**fields, **PERSON_FIELDS}
    tokens = tokenize(text)
    names = [token for token in tokens if token.kind == "name"]
    for token in names:
        if token.text not in known and (not open_fields or "." in token.text):
            raise FilterError(f"unknown field {token.text!r}, {suggest_names(token.text, sorted(known))}", token.column)
    _check_moments(tokens)
    try:
        tree = rule_engine.Rule(_mask_names(text, names), rule_engine.Context(default_timezone="utc"))
        translator = ConditionBuilder(known, names)
        condition = translator.condition(tree.statement.expression)
    except rule_engine.RuleSyntaxError as error:
        column = error.token.lexpos + 1 if error.token is not None else len(text) + 1
        found = "the filter ends too early" if error.token is None else "this is not expected here"
        raise FilterError(f'{found}; a condition looks like: amount >= 100 and stage == "won"', column) from None
    except rule_engine.EngineError as error:
        raise FilterError(f"cannot be understood ({error.message})", tokens[0].column) from None
    except RecursionError:
        raise FilterError("too many conditions inside each other", tokens[0].column) from None
    used = frozenset(token.text for token in names)
    personal = used & PERSON_FIELDS.keys()
    return Filter(
        text=text,
        names=used - personal,
        person_fields=personal,
        compared_types={name: frozenset(kinds) for name, kinds in translator.compared.items()},
        date_like_fields=frozenset(translator.date_like_fields),
        _condition=condition,
    )


def _mask_names(text: str, names: list[Token]) -> str:
    """The text with every name replaced by one of equal length that the parser takes: dots, reserved words and all."""
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
