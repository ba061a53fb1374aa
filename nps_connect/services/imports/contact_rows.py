"""Read who was asked by another tool, who must not be contacted, and who was asked for reviews, from rows of a file."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from hashlib import sha256

from nps_connect.ledger.subjects import mailbox_hash
from nps_connect.rules.imports.cells import parse_address
from nps_connect.rules.imports.columns import ColumnMapping
from nps_connect.rules.imports.csv_table import CsvRow
from nps_connect.rules.imports.row_errors import InvalidRow, RowErrors
from nps_connect.services.imports.dedup_store import DedupStore
from nps_connect.services.imports.moments import MomentParser
from nps_connect.services.imports.people import ImportedPerson, parse_person, read_rows
from nps_connect.services.imports.people_index import PeopleIndex
from nps_connect.services.imports.response_rows import ResponseParser, is_unanswered

REASONS = {
    "opted_out": ("opted_out", "opted out", "opt_out", "opt-out", "unsubscribed", "unsubscribe", "manual"),
    "bounced": ("bounced", "bounce", "hard_bounce", "hard bounce"),
    "objected": ("objected", "complaint", "complained", "spam", "spam_complaint"),
}
"""What files call the reasons of suppressions."""

_REASON_BY_NAME = {name: reason for reason, names in REASONS.items() for name in names}
_MAILBOX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ImportedInvitation:
    """A survey that another tool sent, or has scheduled.

    Attributes:
        key: made from tool, person and moment, so that an invitation is never imported twice.
        person: who was asked.
        sent_at: when (UTC); None if the tool has only scheduled one.
        next_due_at: when the tool would have asked next (UTC), or None.
    """

    key: str
    person: ImportedPerson
    sent_at: datetime | None
    next_due_at: datetime | None

    @property
    def line(self) -> int:
        """Line number in the file."""
        return self.person.line


@dataclass(frozen=True)
class ImportedSuppression:
    """Somebody who must not be contacted.

    Attributes:
        line: line number in the file.
        mailbox: hash of the mailbox, or None.
        contact: connection and vendor id, or None.
        reason: of the suppression.
    """

    line: int
    mailbox: str | None
    contact: tuple[str, str] | None
    reason: str


@dataclass(frozen=True)
class ImportedReviewInvitation:
    """A review invitation that another tool sent.

    Attributes:
        line: line number in the file.
        mailbox: hash of the mailbox.
        platform: name of the review platform.
        sent_at: when (UTC).
    """

    line: int
    mailbox: str
    platform: str
    sent_at: datetime


@dataclass(frozen=True)
class InvitationParser:
    """Parses the rows of a file of people with the dates of their surveys.

    Attributes:
        columns: the fields of the columns.
        tool: name of the tool whose ids they are.
        moments: parser of their moments.
        people: addresses by the tool's id of a person.
    """

    columns: ColumnMapping
    tool: str
    moments: MomentParser
    people: PeopleIndex | None = None

    def parse(self, row: CsvRow) -> ImportedInvitation | None:
        """Parse one row; None for a person who was never asked and is not due.

        Raises:
            InvalidRow: a cell is missing or invalid.
        """
        values: Mapping[str, str] = self.columns.values(row.cells)
        values = self.people.complete(values) if self.people is not None else values
        sent_at = self.moments.parse_optional(values, "sent_at", row.line)
        next_due_at = self.moments.parse_optional(values, "next_due_at", row.line, may_come=True)
        if next_due_at is not None and next_due_at <= self.moments.now:
            next_due_at = None
        if sent_at is None and next_due_at is None:
            return None
        source_id = f"{self.tool}:{values['person_id']}" if "person_id" in values else None
        person = parse_person(row.line, values, allow_ids=False, source_id=source_id)
        return build_invitation(self.tool, person, sent_at, next_due_at)


def build_invitation(
    tool: str, person: ImportedPerson, sent_at: datetime | None, next_due_at: datetime | None
) -> ImportedInvitation:
    """Return the invitation with its key."""
    text = f"{tool}:sent:{person.fingerprint}:{sent_at.isoformat() if sent_at else ''}"
    return ImportedInvitation(f"i-{sha256(text.encode()).hexdigest()[:24]}", person, sent_at, next_due_at)


def read_invitations(
    rows: Iterable[CsvRow], parser: InvitationParser, dedup_store: DedupStore, errors: RowErrors
) -> Iterator[ImportedInvitation]:
    """Read the invitations of a file of people, each person and moment once; see `read_rows`."""
    parsed = read_rows(rows, parser.parse, _invitation_key, dedup_store, errors, "the same invitation")
    yield from (invitation for invitation in parsed if invitation is not None)


def read_unanswered(
    rows: Iterable[CsvRow], parser: ResponseParser, dedup_store: DedupStore
) -> Iterator[ImportedInvitation]:
    """Read who was asked and has not answered from a file of responses; reading the responses reports other rows."""

    def parse(row: CsvRow) -> ImportedInvitation | None:
        values = parser.values(row)
        if not is_unanswered(values):
            return None
        sent_at = parser.moments.parse(values["sent_at"], row.line)
        return build_invitation(parser.tool, parser.parse_person(row.line, values), sent_at, None)

    parsed = read_rows(rows, parse, _invitation_key, dedup_store, RowErrors(), "the same invitation")
    yield from (invitation for invitation in parsed if invitation is not None)


def _invitation_key(invitation: ImportedInvitation | None) -> str | None:
    return invitation.key if invitation is not None else None


def read_suppressions(
    rows: Iterable[CsvRow],
    columns: ColumnMapping,
    dedup_store: DedupStore,
    errors: RowErrors,
    *,
    default_reason: str | None,
    people: PeopleIndex | None = None,
) -> Iterator[ImportedSuppression]:
    """Read who must not be contacted, each person and reason once.

    Args:
        rows: of the file.
        columns: the fields of the columns.
        dedup_store: see `read_rows`.
        errors: records every row that is left out.
        default_reason: of rows without one; None refuses them.
        people: addresses by the tool's id of a person.
    """

    def parse(row: CsvRow) -> ImportedSuppression:
        values: Mapping[str, str] = columns.values(row.cells)
        values = people.complete(values) if people is not None else values
        name = values.get("reason", "").casefold()
        reason = _REASON_BY_NAME.get(name) if name else default_reason
        if reason is None:
            raise InvalidRow("reason", f"a reason is one of {', '.join(REASONS)}")
        connection, _, vendor_id = values.get("contact", "").partition(":")
        contact = (connection, vendor_id) if vendor_id else None
        return ImportedSuppression(row.line, _parse_mailbox(values, contact), contact, reason)

    def key(suppression: ImportedSuppression) -> str:
        return f"{suppression.reason}:{suppression.mailbox}:{suppression.contact}"

    yield from read_rows(rows, parse, key, dedup_store, errors, "the same person")


def _parse_mailbox(values: Mapping[str, str], contact: tuple[str, str] | None) -> str | None:
    if "mailbox" in values:
        if not _MAILBOX.fullmatch(values["mailbox"]):
            raise InvalidRow("address", "the hash of a mailbox has 64 digits from 0 to 9 and a to f")
        return values["mailbox"]
    if "email" not in values:
        if contact is None:
            raise InvalidRow("no_address", "there is no e-mail address")
        return None
    try:
        return mailbox_hash(parse_address(values["email"]))
    except ValueError as error:
        raise InvalidRow("address", str(error)) from None


def read_review_invitations(
    rows: Iterable[CsvRow],
    columns: ColumnMapping,
    moments: MomentParser,
    platforms: Collection[str],
    dedup_store: DedupStore,
    errors: RowErrors,
) -> Iterator[ImportedReviewInvitation]:
    """Read who was asked for a review, each mailbox, platform and moment once; see `read_rows`.

    Args:
        rows: of the file.
        columns: the fields of the columns.
        moments: parser of their moments.
        platforms: names of the configured review platforms.
        dedup_store: see `read_rows`.
        errors: records every row that is left out.
    """

    def parse(row: CsvRow) -> ImportedReviewInvitation:
        values = columns.values(row.cells)
        platform = values.get("platform", "")
        if platform not in platforms:
            nearest = "".join(f"; nearest: {name}" for name in get_close_matches(platform, platforms, n=1))
            raise InvalidRow("platform", f"not a configured review platform ({', '.join(sorted(platforms))}){nearest}")
        mailbox = _parse_mailbox(values, None) or ""
        return ImportedReviewInvitation(row.line, mailbox, platform, moments.parse(values.get("sent_at", ""), row.line))

    def key(invitation: ImportedReviewInvitation) -> str:
        return f"{invitation.platform}:{invitation.mailbox}:{invitation.sent_at.isoformat()}"

    yield from read_rows(rows, parse, key, dedup_store, errors, "the same review invitation")
