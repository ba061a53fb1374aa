"""Answers from another tool, as a file tells them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from hashlib import sha256

from nps_connect.rules.imports import cells
from nps_connect.rules.imports.columns import ColumnMapping
from nps_connect.rules.imports.csv_table import CsvRow
from nps_connect.rules.imports.row_errors import InvalidImportFile, RowError, RowErrors
from nps_connect.services.imports.dedup_store import DedupStore
from nps_connect.services.imports.people import ImportedPerson, parse_person

MAX_TOUCHPOINT_LENGTH = 80
DATE_ORDER_FIX = "say --dates day-first or --dates month-first"


@dataclass(frozen=True)
class ImportedResponse:
    """One answer of a file.

    Attributes:
        public_id: made of the tool's own id, so that the same answer is never taken twice.
        person: who gave it.
        score: 0 to 10.
        comment: or none.
        answered_at: when.
        zoneless: the file does not say in which time zone.
        touchpoint: or none.
    """

    public_id: str
    person: ImportedPerson
    score: int
    comment: str | None
    answered_at: datetime
    zoneless: bool
    touchpoint: str | None

    @property
    def line(self) -> int:
        """Where it stands."""
        return self.person.line


@dataclass(frozen=True)
class ResponseParser:
    """How the cells of a file of answers are read.

    Attributes:
        columns: what they mean.
        tool: whose ids they are.
        survey: which survey they answer.
        order: of day and month.
        zone: of moments without one.
        now: later answers are slips of the pen.
        by_id: people are known by id where there is no address.
    """

    columns: ColumnMapping
    tool: str
    survey: str
    order: cells.DayOrder | None
    zone: tzinfo
    now: datetime
    allow_ids: bool

    def answer(self, row: CsvRow) -> ImportedResponse:
        """The answer of one row.

        Raises:
            BadCell: it cannot be taken.
        """
        told = self.columns.told(row.cells)
        try:
            person = parse_person(row.line, told, allow_ids=self.allow_ids, id_field="contact_id")
        except ValueError as error:
            raise InvalidCell("address" if told.get("email") else "no_address", str(error)) from None
        try:
            score = cells.parse_score(told.get("score", ""))
        except ValueError as error:
            raise InvalidCell("score", str(error)) from None
        written = told.get("answered_at", "")
        try:
            at = cells.parse_moment(written, self.order, self.zone)
        except ValueError as error:
            raise InvalidCell("date", str(error)) from None
        if at > self.now:
            raise InvalidCell("date", f"{at:%Y-%m-%d} has not come yet")
        touchpoint = told.get("touchpoint")
        return ImportedResponse(
            public_id=self._public_id(told, person, at),
            person=person,
            score=score,
            comment=told.get("comment"),
            answered_at=at,
            zoneless=not cells.has_time_zone(written),
            touchpoint=touchpoint[:MAX_TOUCHPOINT_LENGTH] if touchpoint else None,
        )

    def _public_id(self, told: Mapping[str, str], person: ImportedPerson, at: datetime) -> str:
        """Of the tool's id; without one, of who answered what when."""
        own = told.get("id") or f"{self.survey}:{person.fingerprint}:{at.isoformat()}"
        return f"i-{sha256(f'{self.tool}:{own}'.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}"


class InvalidCell(Exception):
    """Why a row is not taken.

    Args:
        reason: to be counted.
        detail: one sentence.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def read_responses(
    rows: Iterable[CsvRow], reading: ResponseParser, scratch: DedupStore, faults: RowErrors
) -> Iterator[ImportedResponse]:
    """The answers of a file, each id once; what cannot be used is noted.

    Args:
        rows: of the file.
        reading: how.
        scratch: knows which ids were met before; the same one again for a second reading of the same file.
        faults: hears of every line that is left out.
    """
    for row in rows:
        if row.error is not None:
            faults.note(RowError(row.line, "unreadable", row.error))
            continue
        try:
            answer = reading.answer(row)
        except InvalidCell as error:
            faults.note(RowError(row.line, error.reason, error.detail))
            continue
        first = scratch.claim(answer.public_id, row.line)
        if first != row.line:
            faults.note(RowError(row.line, "duplicate", f"the same answer as on line {first}"))
            continue
        yield answer


def detect_day_order(rows: Iterable[CsvRow], columns: ColumnMapping) -> cells.DayOrder | None:
    """Which order of day and month the moments of a file prove; none where it makes no difference.

    Raises:
        FileRefused: they prove nothing and it makes a difference, or they prove both.
    """
    open_at: int | None = None
    found: cells.DayOrder | None = None
    for row in rows:
        text = columns.told(row.cells).get("answered_at", "")
        told = cells.proven_day_order(text)
        if told is not None and found is not None and told != found:
            problem = "day and month stand in another order than above"
            raise InvalidImportFile(problem, line=row.line, fix=f"mend it, or {DATE_ORDER_FIX}")
        found = found or told
        if open_at is None and cells.is_ambiguous_date(text):
            open_at = row.line
    if found is None and open_at is not None:
        problem = "this date is one of two days, and no other line tells which comes first, day or month"
        raise InvalidImportFile(problem, line=open_at, fix=DATE_ORDER_FIX)
    return found
