"""Answers from another tool, as a file tells them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from hashlib import sha256

from nps_connect.flows.importing.people import FilePerson, person_of
from nps_connect.flows.importing.scratch import Scratch
from nps_connect.rules.importing import cells
from nps_connect.rules.importing.columns import Columns
from nps_connect.rules.importing.faults import Fault, Faults, FileRefused
from nps_connect.rules.importing.table import Row

LONGEST_TOUCHPOINT = 80
SAY_ORDER = "say --dates day-first or --dates month-first"


@dataclass(frozen=True)
class FileAnswer:
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
    person: FilePerson
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
class Reading:
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

    columns: Columns
    tool: str
    survey: str
    order: cells.DayOrder | None
    zone: tzinfo
    now: datetime
    by_id: bool

    def answer(self, row: Row) -> FileAnswer:
        """The answer of one row.

        Raises:
            BadCell: it cannot be taken.
        """
        told = self.columns.told(row.cells)
        try:
            person = person_of(row.line, told, by_id=self.by_id, id_field="contact_id")
        except ValueError as error:
            raise BadCell("address" if told.get("email") else "no_address", str(error)) from None
        try:
            score = cells.score(told.get("score", ""))
        except ValueError as error:
            raise BadCell("score", str(error)) from None
        written = told.get("answered_at", "")
        try:
            at = cells.moment(written, self.order, self.zone)
        except ValueError as error:
            raise BadCell("date", str(error)) from None
        if at > self.now:
            raise BadCell("date", f"{at:%Y-%m-%d} has not come yet")
        touchpoint = told.get("touchpoint")
        return FileAnswer(
            public_id=self._public_id(told, person, at),
            person=person,
            score=score,
            comment=told.get("comment"),
            answered_at=at,
            zoneless=not cells.has_zone(written),
            touchpoint=touchpoint[:LONGEST_TOUCHPOINT] if touchpoint else None,
        )

    def _public_id(self, told: Mapping[str, str], person: FilePerson, at: datetime) -> str:
        """Of the tool's id; without one, of who answered what when."""
        own = told.get("id") or f"{self.survey}:{person.fingerprint}:{at.isoformat()}"
        return f"i-{sha256(f'{self.tool}:{own}'.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}"


class BadCell(Exception):
    """Why a row is not taken.

    Args:
        reason: to be counted.
        detail: one sentence.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def read_answers(rows: Iterable[Row], reading: Reading, scratch: Scratch, faults: Faults) -> Iterator[FileAnswer]:
    """The answers of a file, each id once; what cannot be used is noted.

    Args:
        rows: of the file.
        reading: how.
        scratch: knows which ids were met before; the same one again for a second reading of the same file.
        faults: hears of every line that is left out.
    """
    for row in rows:
        if row.fault is not None:
            faults.note(Fault(row.line, "unreadable", row.fault))
            continue
        try:
            answer = reading.answer(row)
        except BadCell as error:
            faults.note(Fault(row.line, error.reason, error.detail))
            continue
        first = scratch.owner(answer.public_id, row.line)
        if first != row.line:
            faults.note(Fault(row.line, "duplicate", f"the same answer as on line {first}"))
            continue
        yield answer


def find_order(rows: Iterable[Row], columns: Columns) -> cells.DayOrder | None:
    """Which order of day and month the moments of a file prove; none where it makes no difference.

    Raises:
        FileRefused: they prove nothing and it makes a difference, or they prove both.
    """
    open_at: int | None = None
    found: cells.DayOrder | None = None
    for row in rows:
        text = columns.told(row.cells).get("answered_at", "")
        told = cells.day_order(text)
        if told is not None and found is not None and told != found:
            problem = "day and month stand in another order than above"
            raise FileRefused(problem, line=row.line, fix=f"mend it, or {SAY_ORDER}")
        found = found or told
        if open_at is None and cells.needs_order(text):
            open_at = row.line
    if found is None and open_at is not None:
        problem = "this date is one of two days, and no other line tells which comes first, day or month"
        raise FileRefused(problem, line=open_at, fix=SAY_ORDER)
    return found
