"""Moments in the files of an import: order of day and month, and time zone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import islice

from nps_connect.rules.imports import cells
from nps_connect.rules.imports.columns import ColumnMapping
from nps_connect.rules.imports.csv_table import CsvRow
from nps_connect.rules.imports.row_errors import InvalidImportFile, InvalidRow

DAY_ORDER_FIX = "say --dates day-first or --dates month-first"
MOMENT_FIELDS = ("answered_at", "sent_at", "next_due_at")
SAMPLED_ROWS = 1000
"""Without a date such as 03/04/2026 in so many rows, none is expected: one that comes later is rejected by line."""

MAX_AHEAD = timedelta(days=2 * 366)
NO_MOMENTS = frozenset({"", "0"})
"""What tools write for a moment that has not come."""


@dataclass(frozen=True)
class MomentParser:
    """Parses the moments of one file.

    Attributes:
        day_order: order of day and month.
        zone: time zone of moments without one; None refuses the file that has any.
        now: the present moment.
    """

    day_order: cells.DayOrder | None
    zone: tzinfo | None
    now: datetime

    def parse(self, text: str, line: int, *, may_come: bool = False) -> datetime:
        """Parse a moment (UTC).

        Args:
            text: the cell.
            line: line number of the row.
            may_come: the moment may be in the future, up to two years ahead.

        Raises:
            InvalidRow: it is missing, no moment, or in the future.
            InvalidImportFile: it has no time zone, and none was given.
        """
        if self.zone is None and text and not cells.has_time_zone(text):
            problem = "a time without a time zone"
            raise InvalidImportFile(problem, line=line, fix="name the zone, such as --timezone Europe/Paris")
        try:
            moment = cells.parse_moment(text, self.day_order, self.zone or self.now.tzinfo)  # type: ignore[arg-type]
        except ValueError as error:
            raise InvalidRow("date", str(error)) from None
        if moment > self.now + (MAX_AHEAD if may_come else timedelta()):
            raise InvalidRow(
                "date", f"{moment:%Y-%m-%d} is too far ahead" if may_come else f"{moment:%Y-%m-%d} has not come yet"
            )
        return moment

    def parse_optional(
        self, values: Mapping[str, str], field: str, line: int, *, may_come: bool = False
    ) -> datetime | None:
        """Parse a moment that a row may lack."""
        text = values.get(field, "")
        return None if text in NO_MOMENTS else self.parse(text, line, may_come=may_come)


def detect_day_order(rows: Iterable[CsvRow], columns: ColumnMapping) -> cells.DayOrder | None:
    """Return the order of day and month that the dates of a file prove; None if it makes no difference.

    Raises:
        InvalidImportFile: the dates are ambiguous, or prove both orders.
    """
    ambiguous_line: int | None = None
    proven: cells.DayOrder | None = None
    stream = iter(rows)
    sample = list(islice(stream, SAMPLED_ROWS))
    for line, text in _moments(sample, columns):
        proven, ambiguous_line = _compare(line, text, proven, ambiguous_line)
    if proven is not None or ambiguous_line is not None:
        for line, text in _moments(stream, columns):
            proven, ambiguous_line = _compare(line, text, proven, ambiguous_line)
    if proven is None and ambiguous_line is not None:
        problem = "this date is ambiguous: no line shows whether the day or the month comes first"
        raise InvalidImportFile(problem, line=ambiguous_line, fix=DAY_ORDER_FIX)
    return proven


def _moments(rows: Iterable[CsvRow], columns: ColumnMapping) -> Iterable[tuple[int, str]]:
    indexes = [columns.index_by_field[name] for name in MOMENT_FIELDS if name in columns.index_by_field]
    for row in rows:
        for index in indexes:
            yield row.line, row.cells[index]


def _compare(
    line: int, text: str, proven: cells.DayOrder | None, ambiguous_line: int | None
) -> tuple[cells.DayOrder | None, int | None]:
    order = cells.proven_day_order(text)
    if order is not None and proven is not None and order != proven:
        problem = "day and month are in another order than on earlier lines"
        raise InvalidImportFile(problem, line=line, fix=f"correct it, or {DAY_ORDER_FIX}")
    if ambiguous_line is None and cells.is_ambiguous_date(text):
        ambiguous_line = line
    return proven or order, ambiguous_line
