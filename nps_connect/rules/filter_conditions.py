"""From a parsed filter to a condition that can be asked.

Conditions know three answers, as SQL does: yes, no, and unknown (none) where a field is missing. An unknown part never
lets an event through, whether it is negated or not.
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
    """One side of a comparison: a field by name, or a value that the filter itself holds.

    `kind` is none for an untyped field; `column` is where it stands (a value is told by the nearest field's column).
    """

    column: int
    kind: FieldType | None
    name: str | None = None
    value: Comparable | None = None

    def told(self) -> str:
        """The operand for an error sentence."""
        return f"{self.name!r} is {self.kind}" if self.name else f"the other side is {self.kind}"

    def reader(self, kind: FieldType) -> Callable[[FieldValues], Comparable | None]:
        """Gives the operand's value as this kind."""
        if self.name is None:
            value = self.value
            return lambda _: value
        name, read = self.name, PARSERS[kind]
        return lambda values: read(values.get(name))


@dataclass
class ConditionBuilder:
    """Turns the parser's tree into a condition. Fields are met in the order of their tokens, which gives the columns.

    Attributes:
        fields: the known fields with their types.
        names: the tokens of fields, in order.
        compared: what each field met so far is compared as.
        dated: fields whose order with a text is asked that looks like a date.
    """

    fields: Mapping[str, FieldType]
    names: Sequence[Token]
    compared: dict[str, set[FieldType]] = field(default_factory=dict, init=False)
    date_like_fields: set[str] = field(default_factory=set, init=False)
    _met: int = field(default=0, init=False)

    def condition(self, node: ast.ExpressionBase) -> Condition:
        """The condition of a node that must be a yes-or-no question.

        Raises:
            FilterError: types that cannot be compared, or something that is no condition.
        """
        if isinstance(node, ast.LogicExpression):
            return self._logic(node)
        if isinstance(node, ast.UnaryExpression) and node.type == "not":
            return _negated(self.condition(node.right))
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
            raise FilterError(f"{operand.told()}, which is not a condition; compare it with something", operand.column)
        self._note("boolean", operand)
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
        self._note(kind, left, right)
        texts = [side.value for side in (left, right) if isinstance(side.value, str)]
        if node.type not in {"eq", "ne"} and any(_DATE.match(text) for text in texts):
            self.date_like_fields |= {side.name for side in (left, right) if side.name}
        one, other = left.reader(kind), right.reader(kind)

        def holds(values: FieldValues) -> bool | None:
            first, second = one(values), other(values)
            return None if first is None or second is None else compare(first, second)

        return holds

    def _presence(self, node: ast.ComparisonExpression) -> Condition:
        asked = node.right if isinstance(node.left, ast.NullExpression) else node.left
        operand = self._operand(asked)
        if operand.name is None or node.type not in {"eq", "ne"}:
            raise FilterError("null only answers 'field == null' and 'field != null'", operand.column)
        read, wanted = operand.reader(operand.kind or "text"), node.type == "ne"
        return lambda values: (read(values) is not None) == wanted

    def _contains(self, node: ast.ContainsExpression) -> Condition:
        member = self._operand(node.member)
        if isinstance(node.container, ast.ArrayExpression | ast.SetExpression):
            return self._listed(member, [self._operand(item) for item in node.container.value])
        container = self._operand(node.container)
        for side in (member, container):
            if side.kind not in {None, "text"}:
                raise FilterError(f"'in' looks for a text in a text or a list, but {side.told()}", side.column)
        self._note("text", member, container)
        one, other = member.reader("text"), container.reader("text")

        def holds(values: FieldValues) -> bool | None:
            part, whole = one(values), other(values)
            return None if part is None or whole is None else str(part) in str(whole)

        return holds

    def _listed(self, member: Operand, items: list[Operand]) -> Condition:
        if not items or any(item.name for item in items):
            raise FilterError('a list holds values, such as: stage in ["won", "closed"]', member.column)
        kinds = {_common_kind(member, item) for item in items}
        if len(kinds) > 1:
            raise FilterError("the list mixes kinds of values", member.column)
        kind = kinds.pop() or "text"
        self._note(kind, member)
        read, wanted = member.reader(kind), [item.value for item in items]

        def holds(values: FieldValues) -> bool | None:
            value = read(values)
            return None if value is None else value in wanted

        return holds

    def _note(self, kind: FieldType, *operands: Operand) -> None:
        for operand in operands:
            if operand.name:
                self.compared.setdefault(operand.name, set()).add(kind)

    def _operand(self, node: ast.ExpressionBase) -> Operand:
        if isinstance(node, ast.SymbolExpression):
            token = self.names[self._met]
            self._met += 1
            return Operand(token.column, self.fields.get(token.text), name=token.text)
        if isinstance(node, ast.LiteralExpressionBase) and type(node.value) in _KIND_OF:
            value = node.value.astimezone(UTC) if isinstance(node.value, datetime) else node.value
            if value == "":
                raise FilterError("an empty text equals nothing; write 'field == null' for a missing one", self._here())
            return Operand(self._here(), _KIND_OF[type(value)], value=value)
        raise FilterError("only fields, texts, numbers, true, false and moments can be compared", self._here())

    def _here(self) -> int:
        """The column of the field met last, or of the first one: as near as the tree allows."""
        return self.names[max(self._met - 1, 0)].column if self.names else 1


def _common_kind(left: Operand, right: Operand) -> FieldType | None:
    if left.name is None and right.name is None:
        raise FilterError("this compares two fixed values; one side must be a field", left.column)
    if left.kind and right.kind and left.kind != right.kind:
        typed, other = (left, right) if left.name else (right, left)
        fix = "these cannot be compared" if other.name else f"write {_EXAMPLES[typed.kind or 'text']}"
        raise FilterError(f"{typed.told()} but {other.told()}; {fix}", typed.column)
    return left.kind or right.kind


def _untyped_comparison(compare: Callable[[Any, Any], bool], left: str, right: str) -> Condition:
    """Two untyped fields: as numbers when both are numbers, else as texts."""

    def holds(values: FieldValues) -> bool | None:
        for read in (parse_number, parse_text):
            first, second = read(values.get(left)), read(values.get(right))
            if first is not None and second is not None:
                return compare(first, second)
        return None

    return holds


def _as_boolean(value: Comparable | None) -> bool | None:
    return value if isinstance(value, bool) else None


def _negated(inner: Condition) -> Condition:
    def holds(values: FieldValues) -> bool | None:
        answer = inner(values)
        return None if answer is None else not answer

    return holds


def _all(conditions: Sequence[Condition]) -> Condition:
    def holds(values: FieldValues) -> bool | None:
        answers = [condition(values) for condition in conditions]
        return False if False in answers else (None if None in answers else True)

    return holds


def _any(conditions: Sequence[Condition]) -> Condition:
    def holds(values: FieldValues) -> bool | None:
        answers = [condition(values) for condition in conditions]
        return True if True in answers else (None if None in answers else False)

    return holds
