"""Read responses of another tool from the rows of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from hashlib import sha256
from typing import TypeVar

from nps_connect.records.responses import CollectedBy
from nps_connect.rules.imports import cells
from nps_connect.rules.imports.columns import TEST_STATUSES, ColumnMapping
from nps_connect.rules.imports.csv_table import CsvRow
from nps_connect.rules.imports.row_errors import InvalidImportFile, InvalidRow, RowErrors
from nps_connect.sanitization import one_line, sanitize_comment
from nps_connect.services.imports.dedup_store import DedupStore
from nps_connect.services.imports.people import ImportedPerson, parse_person, read_rows

T = TypeVar("T")

MAX_TOUCHPOINT_LENGTH = 80
DAY_ORDER_FIX = "say --dates day-first or --dates month-first"


@dataclass(frozen=True)
class ImportedResponse:
    """One response of a file.

    Attributes:
        public_id: made from the tool's own id, so that a response is never imported twice.
        person: who gave it.
        score: 0 to 10.
        comment: the comment, or None.
        answered_at: when it was given (UTC).
        zoneless: the file states no time zone.
        touchpoint: the touchpoint, or None.
        do_not_contact: the customer asked not to be contacted about it.
        collected_by: how it was collected.
    """

    public_id: str
    person: ImportedPerson
    score: int
    comment: str | None
    answered_at: datetime
    zoneless: bool
    touchpoint: str | None
    do_not_contact: bool = False
    collected_by: CollectedBy = "import"

    @property
    def line(self) -> int:
        """Line number in the file."""
        return self.person.line


@dataclass(frozen=True)
class ResponseParser:
    """Parses the rows of a file of responses.

    Attributes:
        columns: the fields of the columns.
        tool: name of the tool whose ids they are.
        survey: the survey that they answer.
        day_order: order of day and month.
        zone: time zone of moments without one.
        now: later moments are refused.
        allow_ids: accept people with an id and no address.
    """

    columns: ColumnMapping
    tool: str
    survey: str
    day_order: cells.DayOrder | None
    zone: tzinfo
    now: datetime
    allow_ids: bool

    def parse(self, row: CsvRow) -> ImportedResponse:
        """Parse one row.

        Raises:
            InvalidRow: a cell is missing or invalid.
        """
        values = self.columns.values(row.cells)
        if values.get("status", "").casefold() in TEST_STATUSES:
            raise InvalidRow("test", "a test of the survey, not a response of a customer")
        metric = values.get("metric", "nps").casefold()
        if metric != "nps":
            raise InvalidRow("metric", f"an answer for {one_line(metric, 20)}, not for the NPS")
        person = parse_person(row.line, values, allow_ids=self.allow_ids, id_field="contact_id")
        score = _parse_score(values.get("score", ""))
        moment_text = values.get("answered_at", "")
        answered_at = _parse_cell("date", self._parse_moment, moment_text)
        touchpoint = values.get("touchpoint")
        return ImportedResponse(
            public_id=self._public_id(values, person, answered_at),
            person=person,
            score=score,
            comment=sanitize_comment(values.get("comment")),
            answered_at=answered_at,
            zoneless=not cells.has_time_zone(moment_text),
            touchpoint=one_line(touchpoint, MAX_TOUCHPOINT_LENGTH) if touchpoint else None,
        )

    def _parse_moment(self, text: str) -> datetime:
        moment = cells.parse_moment(text, self.day_order, self.zone)
        if moment > self.now:
            raise ValueError(f"{moment:%Y-%m-%d} has not come yet")
        return moment

    def _public_id(self, values: Mapping[str, str], person: ImportedPerson, answered_at: datetime) -> str:
        """Hash of the tool's id; without one, of survey, person and moment."""
        source_id = values.get("id") or f"{self.survey}:{person.fingerprint}:{answered_at.isoformat()}"
        return f"i-{sha256(f'{self.tool}:{source_id}'.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}"


def end_reason(end: int) -> str:
    """Return the reason of rows whose invalid score probably stands for an end of the scale, 0 or 10."""
    return f"score_{end}"


def _parse_score(text: str) -> int:
    try:
        return cells.parse_score(text)
    except ValueError as error:
        end = cells.implied_end(text)
        raise InvalidRow("score" if end is None else end_reason(end), str(error)) from None


def _parse_cell(reason: str, parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise InvalidRow(reason, str(error)) from None


def read_responses(
    rows: Iterable[CsvRow], parser: ResponseParser, dedup_store: DedupStore, errors: RowErrors
) -> Iterator[ImportedResponse]:
    """Read the responses of a file, each id once.

    Args:
        rows: of the file.
        parser: for its rows.
        dedup_store: see `read_rows`.
        errors: records every row that is left out.
    """
    yield from read_rows(
        rows, parser.parse, lambda response: response.public_id, dedup_store, errors, "the same response"
    )


def detect_day_order(rows: Iterable[CsvRow], columns: ColumnMapping) -> cells.DayOrder | None:
    """Return the order of day and month that the dates of a file prove; None if it makes no difference.

    Raises:
        InvalidImportFile: the dates are ambiguous, or prove both orders.
    """
    ambiguous_line: int | None = None
    proven: cells.DayOrder | None = None
    for row in rows:
        text = columns.values(row.cells).get("answered_at", "")
        order = cells.proven_day_order(text)
        if order is not None and proven is not None and order != proven:
            problem = "day and month are in another order than on earlier lines"
            raise InvalidImportFile(problem, line=row.line, fix=f"correct it, or {DAY_ORDER_FIX}")
        proven = proven or order
        if ambiguous_line is None and cells.is_ambiguous_date(text):
            ambiguous_line = row.line
    if proven is None and ambiguous_line is not None:
        problem = "this date is ambiguous: no line shows whether the day or the month comes first"
        raise InvalidImportFile(problem, line=ambiguous_line, fix=DAY_ORDER_FIX)
    return proven
