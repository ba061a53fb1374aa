"""Compare the daily figures with the responses that exist, and correct them."""

from __future__ import annotations

from collections import Counter
from datetime import tzinfo
from typing import NamedTuple

from sqlalchemy import select, text
from sqlmodel import Session, col

from nps_connect.ledger.daily_figures import VERDICTS, DailyFigureRow, Figure, add_to_figures, response_figure
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import ResponseRow
from nps_connect.services.contacts.store import confirmed_clause

READ_SIZE = 5000
"""Responses that are in memory at a time."""


class FigureDifference(NamedTuple):
    """A figure that differs from the responses: `stored` in `daily_figures`, `actual` responses."""

    figure: Figure
    stored: int
    actual: int

    @property
    def problem(self) -> str:
        """The difference as a sentence."""
        figure = self.figure
        return (
            f"the figure of {figure.day} for score {figure.value} of survey {figure.survey!r} {figure.dimensions} is "
            f"{self.stored}; the responses give {self.actual}"
        )


def find_differences(ledger: Ledger, zone: tzinfo) -> list[FigureDifference]:
    """Return the figures of responses that differ from the confirmed responses, read at one moment, oldest first."""
    with ledger.read() as session:
        if not ledger.is_sqlite:  # where each transaction sees one moment anyway
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        return _compare(session, zone)


def correct_figures(ledger: Ledger, zone: tzinfo) -> list[FigureDifference]:
    """Correct the figures that `find_differences` would return; returns what they were."""
    with ledger.write() as session:
        if not ledger.is_sqlite:  # which has one writer; a response that is being stored waits before it is counted
            session.execute(text("LOCK TABLE daily_figures IN EXCLUSIVE MODE"))
        differences = _compare(session, zone)
        add_to_figures(session, {figure: actual - stored for figure, stored, actual in differences})
    return differences


def _compare(session: Session, zone: tzinfo) -> list[FigureDifference]:
    actual: Counter[Figure] = Counter()
    columns = map(col, (ResponseRow.answered_at, ResponseRow.survey, ResponseRow.touchpoint))
    query = select(*columns, col(ResponseRow.score), col(ResponseRow.scale)).where(confirmed_clause())
    for row in session.execute(query.execution_options(yield_per=READ_SIZE)):
        actual[response_figure(zone, *row)] += 1
    rows = session.execute(select(DailyFigureRow).where(col(DailyFigureRow.scale) != VERDICTS)).scalars()
    stored = Counter({Figure(*(getattr(row, name) for name in Figure._fields)): row.count for row in rows})
    differing = sorted(figure for figure in actual.keys() | stored.keys() if actual[figure] != stored[figure])
    return [FigureDifference(figure, stored[figure], actual[figure]) for figure in differing]
