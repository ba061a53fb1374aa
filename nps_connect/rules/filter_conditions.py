"""Compile a parsed filter to a condition.

Conditions are three-valued, as in SQL: True, False, and None (unknown) where a field is missing. An unknown part never
accepts an event, negated or not.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rule_engine import ast

from nps_connect.records.base import FieldValue
from nps_connect.records.connectors import FieldType
from nps_connect.rules.filter_tokens import FilterError, Token
from nps_connect.rules.filter_values import PARSERS, Comparable, parse_number, parse_text

FieldValues = Mapping[str, FieldValue]
Condition = Callable[[FieldValues], bool | None]

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}|[0-9]{1,2}[./][0-9]{1,2}[./][0-9]{2,4}")
_KIND_OF: Mapping[type, FieldType] = {str: "text", Decimal: "number", bool: "boolean", datetime: "moment"}
_EXAMPLES: Mapping[FieldType, str] = {
    "text": 'a text such as "won"',
    "number": "a number such as 100",
    "boolean": "true or false",
    "moment": 'a moment such as d"2026-01-31T09:00:00Z"',
}


@dataclass(frozen=True)
class Operand:
    """One side of a comparison: a field, or a literal value.

    Attributes:
        column: 1-based position in the filter; of a literal, that of the nearest field.
        kind: type; None for an undeclared field.
        name: name of the field; None for a literal.
        value: value of the literal.
    """

    column: int
    kind: FieldType | None
    name: str | None = None
    value: Comparable | None = None

    def describe(self) -> str:
        """The operand for an error message."""
        return f"{self.name!r} is {self.kind}" if self.name else f"the other side is {self.kind}"

    def reader(self, kind: FieldType) -> Callable[[FieldValues], Comparable | None]:
        """Return a function that reads the operand as this type."""
        if self.name is None:
            value = self.value
            return lambda _: value
        name, read = self.name, PARSERS[kind]
        return lambda values: read(values.get(name))


@dataclass
class ConditionBuilder:
    """Compiles the syntax tree to a condition. It visits fields in the order of their tokens, which have the columns.

    Attributes:
        fields: declared fields with their types.
        names: tokens of the fields, in order.
        compared_types: types that each visited field is compared as.
        compared_values: literal values that each visited field is compared with.
        date_like_fields: visited fields that are ordered against a text that looks like a date.
    """

    fields: Mapping[str, FieldType]
    names: Sequence[Token]
    compared_types: dict[str, set[FieldType]] = field(default_factory=dict, init=False)
    compared_values: dict[str, set[Comparable]] = field(default_factory=dict, init=False)
    date_like_fields: set[str] = field(default_factory=set, init=False)
    _visited: int = field(default=0, init=False)

    def condition(self, node: ast.ExpressionBase) -> Condition:
        """Compile a boolean node.

        Raises:
            FilterError: the types cannot be compared, or the node is not boolean.
        """
        if isinstance(node, ast.LogicExpression):
            return self._logic(node)
        if isinstance(node, ast.UnaryExpression) and node.type == "not":
            return _not(self.condition(node.right))
        if isinstance(node, ast.ContainsExpression):
            return self._contains(node)
        if isinstance(node, ast.ComparisonExpression):
            return self._comparison(node)
        if isinstance(node, ast.BooleanExpression):
            raise FilterError("this asks about no field, so the answer is always the same; leave it out", self._here())
        if isinstance(node, ast.SymbolExpression):
            return self._bare(self._operand(node))
        raise FilterError("this is not a condition; compare it with something", self._here())

    def _logic(self, node: ast.LogicExpression) -> Condition:
        parts: list[ast.ExpressionBase] = []
        left: ast.ExpressionBase = node
        while isinstance(left, ast.LogicExpression) and left.type == node.type:
            parts.append(left.right)
            left = left.left
        conditions = [self.condition(part) for part in (left, *reversed(parts))]
        return _all(conditions) if node.type == "and" else _any(conditions)

    def _bare(self, operand: Operand) -> Condition:
        if operand.kind not in {None, "boolean"}:
            raise FilterError(
                f"{operand.describe()}, which is not a condition; compare it with something", operand.column
            )
        self._record_type("boolean", operand)
        read = operand.reader("boolean")
        return lambda values: _as_boolean(read(values))

    def _comparison(self, node: ast.ComparisonExpression) -> Condition:
        if isinstance(node.left, ast.NullExpression) or isinstance(node.right, ast.NullExpression):
            return self._presence(node)
        left, right = self._operand(node.left), self._operand(node.right)
        kind = _common_kind(left, right)
        compare = _COMPARE[node.type]
        if kind == "boolean" and node.type not in {"eq", "ne"}:
            raise FilterError("true and false have no order; compare them with == or !=", left.column)
        if kind is None:
            return _untyped_comparison(compare, str(left.name), str(right.name))
        self._record_type(kind, left, right)
        self._record_values([left, right], [left, right])
        texts = [side.value for side in (left, right) if isinstance(side.value, str)]
        if node.type not in {"eq", "ne"} and any(_DATE.match(text) for text in texts):
            self.date_like_fields |= {side.name for side in (left, right) if side.name}
        read_left, read_right = left.reader(kind), right.reader(kind)

        def matches(values: FieldValues) -> bool | None:
            first, second = read_left(values), read_right(values)
            return None if first is None or second is None else compare(first, second)

        return matches

    def _presence(self, node: ast.ComparisonExpression) -> Condition:
        operand = self._operand(node.right if isinstance(node.left, ast.NullExpression) else node.left)
        if operand.name is None or node.type not in {"eq", "ne"}:
            raise FilterError("null only answers 'field == null' and 'field != null'", operand.column)
        read, must_exist = operand.reader(operand.kind or "text"), node.type == "ne"
        return lambda values: (read(values) is not None) == must_exist

    def _contains(self, node: ast.ContainsExpression) -> Condition:
        member = self._operand(node.member)
        if isinstance(node.container, ast.ArrayExpression | ast.SetExpression):
            return self._listed(member, [self._operand(item) for item in node.container.value])
        container = self._operand(node.container)
        for side in (member, container):
            if side.kind not in {None, "text"}:
                raise FilterError(f"'in' looks for a text in a text or a list, but {side.describe()}", side.column)
        self._record_type("text", member, container)
        self._record_values([member, container], [member, container])
        read_member, read_container = member.reader("text"), container.reader("text")

        def matches(values: FieldValues) -> bool | None:
            part, whole = read_member(values), read_container(values)
            return None if part is None or whole is None else str(part) in str(whole)

        return matches

    def _listed(self, member: Operand, items: list[Operand]) -> Condition:
        if not items or any(item.name for item in items):
            raise FilterError('a list holds values, such as: stage in ["won", "closed"]', member.column)
        kinds = {_common_kind(member, item) for item in items}
        if len(kinds) > 1:
            raise FilterError("the list mixes kinds of values", member.column)
        kind = kinds.pop() or "text"
        self._record_type(kind, member)
        self._record_values([member], items)
        read, listed = member.reader(kind), [item.value for item in items]

        def matches(values: FieldValues) -> bool | None:
            value = read(values)
            return None if value is None else value in listed

        return matches

    def _record_type(self, kind: FieldType, *operands: Operand) -> None:
        for operand in operands:
            if operand.name:
                self.compared_types.setdefault(operand.name, set()).add(kind)

    def _record_values(self, fields: Sequence[Operand], literals: Sequence[Operand]) -> None:
        values = {literal.value for literal in literals if literal.value is not None}
        for operand in fields:
            if operand.name:
                self.compared_values.setdefault(operand.name, set()).update(values)

    def _operand(self, node: ast.ExpressionBase) -> Operand:
        if isinstance(node, ast.SymbolExpression):
            token = self.names[self._visited]
            self._visited += 1
            return Operand(token.column, self.fields.get(token.text), name=token.text)
        if isinstance(node, ast.LiteralExpressionBase) and type(node.value) in _KIND_OF:
            value = node.value.astimezone(UTC) if isinstance(node.value, datetime) else node.value
            if value == "":
                raise FilterError("an empty text equals nothing; write 'field == null' for a missing one", self._here())
            return Operand(self._here(), _KIND_OF[type(value)], value=value)
        raise FilterError("only fields, texts, numbers, true, false and moments can be compared", self._here())

    def _here(self) -> int:
        """Column of the last visited field, or of the first one: the tree has no exact position."""
        return self.names[max(self._visited - 1, 0)].column if self.names else 1


def _common_kind(left: Operand, right: Operand) -> FieldType | None:
    if left.name is None and right.name is None:
        raise FilterError("this compares two fixed values; one side must be a field", left.column)
    if left.kind and right.kind and left.kind != right.kind:
        typed, other = (left, right) if left.name else (right, left)
        fix = "these cannot be compared" if other.name else f"write {_EXAMPLES[typed.kind or 'text']}"
        raise FilterError(f"{typed.describe()} but {other.describe()}; {fix}", typed.column)
    return left.kind or right.kind


def _untyped_comparison(compare: Callable[[Any, Any], bool], left: str, right: str) -> Condition:
    """Compare two undeclared fields as numbers if both are numbers, else as texts."""

    def matches(values: FieldValues) -> bool | None:
        for read in (parse_number, parse_text):
            first, second = read(values.get(left)), read(values.get(right))
            if first is not None and second is not None:
                return compare(first, second)
        return None

    return matches


def _as_boolean(value: Comparable | None) -> bool | None:
    return value if isinstance(value, bool) else None


def _not(inner: Condition) -> Condition:
    def matches(values: FieldValues) -> bool | None:
        result = inner(values)
        return None if result is None else not result

    return matches


def _all(conditions: Sequence[Condition]) -> Condition:
    def matches(values: FieldValues) -> bool | None:
        results = [condition(values) for condition in conditions]
        return False if False in results else (None if None in results else True)

    return matches


def _any(conditions: Sequence[Condition]) -> Condition:
    def matches(values: FieldValues) -> bool | None:
        results = [condition(values) for condition in conditions]
        return True if True in results else (None if None in results else False)

    return matches
