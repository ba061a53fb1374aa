"""Read responses of another tool from the rows of a file."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from nps_connect.records.base import NPS_SCALE
from nps_connect.records.responses import CollectedBy
from nps_connect.rules.formula_injection import unescape_formula
from nps_connect.rules.imports import cells
from nps_connect.rules.imports.columns import ColumnMapping
from nps_connect.rules.imports.csv_table import CsvRow
from nps_connect.rules.imports.extras import build_answer, parse_answers, parse_notes, parse_tags
from nps_connect.rules.imports.fields import TEST_STATUSES
from nps_connect.rules.imports.row_errors import InvalidRow, RowErrors
from nps_connect.sanitization import one_line, sanitize_comment
from nps_connect.services.imports.dedup_store import DedupStore
from nps_connect.services.imports.moments import NO_MOMENTS, MomentParser
from nps_connect.services.imports.people import ImportedPerson, parse_person, read_rows
from nps_connect.services.imports.people_index import PeopleIndex

MAX_TOUCHPOINT_LENGTH = 80
NPS_METRICS = frozenset({"nps", NPS_SCALE})
YES = frozenset({"yes", "true", "1", "oui"})
UNANSWERED = "unanswered"
"""Reason of rows of people who were asked and have not answered: they are imported as invitations."""


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
        sent_at: when the survey was sent (UTC), or None.
        tags: labels.
        notes: remarks of staff.
        follow_up: answers to further questions.
        do_not_contact: the person asked not to be contacted about it.
        review_platforms: the platforms of review invitations that this response has led to.
        collected_by: how it was collected.
    """

    public_id: str
    person: ImportedPerson
    score: int
    comment: str | None
    answered_at: datetime
    zoneless: bool
    touchpoint: str | None
    sent_at: datetime | None = None
    tags: list[str] = field(default_factory=list)
    notes: list[dict[str, str]] = field(default_factory=list)
    follow_up: list[dict[str, str]] = field(default_factory=list)
    do_not_contact: bool = False
    review_platforms: tuple[str, ...] = ()
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
        moments: parser of their moments.
        allow_ids: accept people with an id at the connection and no address.
        people: addresses by the tool's id of a person.
        answer_columns: index by name of the columns that are answers to further questions.
        other_surveys: names of the configured surveys that the file must not name.
        is_escaped: cells that a spreadsheet takes for formulas have an apostrophe in front, as in our own CSV.
    """

    columns: ColumnMapping
    tool: str
    survey: str
    moments: MomentParser
    allow_ids: bool
    people: PeopleIndex | None = None
    answer_columns: Mapping[str, int] = field(default_factory=dict)
    other_surveys: Collection[str] = ()
    is_escaped: bool = False

    def parse(self, row: CsvRow) -> ImportedResponse:
        """Parse one row.

        Raises:
            InvalidRow: a cell is missing or invalid.
        """
        values = self.values(row)
        self._refuse_other_rows(values)
        person = self.parse_person(row.line, values)
        if is_unanswered(values):
            raise InvalidRow(UNANSWERED, "asked and not answered: imported as an invitation")
        score = _parse_score(values.get("score", ""))
        answered_at = self.moments.parse(values.get("answered_at", ""), row.line)
        touchpoint = values.get("touchpoint")
        return ImportedResponse(
            public_id=self._public_id(values, person, answered_at),
            person=person,
            score=score,
            comment=sanitize_comment(values.get("comment")),
            answered_at=answered_at,
            zoneless=not cells.has_time_zone(values["answered_at"]),
            touchpoint=one_line(touchpoint, MAX_TOUCHPOINT_LENGTH) if touchpoint else None,
            sent_at=self.moments.parse_optional(values, "sent_at", row.line),
            tags=parse_tags(values["tags"]) if "tags" in values else [],
            notes=parse_notes(values["notes"]) if "notes" in values else [],
            follow_up=self._parse_answers(row, values),
            do_not_contact=values.get("do_not_contact", "").casefold() in YES,
            review_platforms=tuple(parse_tags(values.get("review_platforms", ""))),
        )

    def values(self, row: CsvRow) -> Mapping[str, str]:
        """Return the non-empty cells of a row by field, with the address of its person."""
        values = self.columns.values(row.cells)
        if self.is_escaped:
            values = {name: unescape_formula(text) for name, text in values.items()}
        return self.people.complete(values) if self.people is not None else values

    def parse_person(self, line: int, values: Mapping[str, str]) -> ImportedPerson:
        """Parse the person of a row.

        Raises:
            InvalidRow: the row has no usable address or id.
        """
        source_id = f"{self.tool}:{values['person_id']}" if "person_id" in values else None
        return parse_person(line, values, allow_ids=self.allow_ids, id_field="contact_id", source_id=source_id)

    def _refuse_other_rows(self, values: Mapping[str, str]) -> None:
        if values.get("status", "").casefold() in TEST_STATUSES:
            raise InvalidRow("test", "a test of the survey, not a response of a customer")
        metric = values.get("metric", "nps").casefold()
        if metric not in NPS_METRICS:
            raise InvalidRow("metric", f"an answer for {one_line(metric, 20)}, not for the NPS")
        if values.get("survey") in self.other_surveys:
            raise InvalidRow("survey", f"a response to {values['survey']}: import it with --survey {values['survey']}")

    def _parse_answers(self, row: CsvRow, values: Mapping[str, str]) -> list[dict[str, str]]:
        answers = parse_answers(values["follow_up"]) if "follow_up" in values else []
        for name, index in self.answer_columns.items():
            if row.cells[index]:
                answers.append(build_answer("imported", name, row.cells[index]))
        return answers

    def _public_id(self, values: Mapping[str, str], person: ImportedPerson, answered_at: datetime) -> str:
        """Hash of the tool's id; without one, of survey, person and moment."""
        source_id = values.get("id") or f"{self.survey}:{person.fingerprint}:{answered_at.isoformat()}"
        return f"i-{sha256(f'{self.tool}:{source_id}'.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}"


def is_unanswered(values: Mapping[str, str]) -> bool:
    """Whether a row says that a survey was sent, and neither score nor time of a response."""
    sent_at, answered_at = values.get("sent_at", ""), values.get("answered_at", "")
    return sent_at not in NO_MOMENTS and answered_at in NO_MOMENTS and "score" not in values


def end_reason(end: int) -> str:
    """Return the reason of rows whose invalid score probably stands for an end of the scale, 0 or 10."""
    return f"score_{end}"


def _parse_score(text: str) -> int:
    try:
        return cells.parse_score(text)
    except ValueError as error:
        end = cells.implied_end(text)
        raise InvalidRow("score" if end is None else end_reason(end), str(error)) from None


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
