"""Open cases by age."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import ColumnElement, SQLColumnExpression, case, func, select
from sqlmodel import Session, col

from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.tables import ResponseRow
from nps_connect.services.cases.case_list import due_column

AGE_LIMITS = (timedelta(days=1), timedelta(days=3), timedelta(days=7))
"""Borders of the ages that are told apart."""


@dataclass(frozen=True)
class OpenCases:
    """Numbers of open cases.

    Attributes:
        by_age: younger than each of `AGE_LIMITS`, and older than the last.
        overdue: past what was agreed or promised, see `due_column`.
        due_today: due later today.
    """

    by_age: tuple[int, ...]
    overdue: int
    due_today: int

    @property
    def total(self) -> int:
        """All open cases."""
        return sum(self.by_age)


def count_open_cases(
    session: Session, conditions: Sequence[ColumnElement[bool]], *, now: datetime, end_of_day: datetime
) -> OpenCases:
    """Count open cases by age, and those to be handled today.

    Args:
        session: to read with.
        conditions: on the `ResponseRow` of a case.
        now: the present moment (UTC).
        end_of_day: when the company's day ends (UTC).
    """
    opened_at, due = col(CaseRow.opened_at), due_column()
    borders = [None, *(now - limit for limit in AGE_LIMITS), None]
    ages = [func.count(case((_is_between(opened_at, start, end), 1))) for end, start in pairwise(borders)]
    is_late = due <= now
    query = (
        select(*ages, func.count(case((is_late, 1))), func.count(case(((due > now) & (due <= end_of_day), 1))))
        .select_from(CaseRow)
        .join(ResponseRow, col(ResponseRow.id) == col(CaseRow.response_id))
        .where(col(CaseRow.state) == "open", *conditions)
    )
    *by_age, overdue, due_today = session.execute(query).one()
    return OpenCases(tuple(by_age), overdue, due_today)


def _is_between(
    column: SQLColumnExpression[datetime], start: datetime | None, end: datetime | None
) -> ColumnElement[bool]:
    """Return the condition that a moment is after `start` and not after `end`; None does not limit."""
    if start is None:
        return column <= end
    return column > start if end is None else (column > start) & (column <= end)
