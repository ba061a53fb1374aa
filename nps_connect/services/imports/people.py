"""People of a file, and the connection that knows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.errors import RateLimited, RetryLater
from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.subjects import mailbox_hash
from nps_connect.ledger.suppressions import SuppressionRow
from nps_connect.records.contacts import Contact, ContactKey, mailbox_contact_id
from nps_connect.rules.imports import cells
from nps_connect.rules.imports.columns import ColumnMapping
from nps_connect.rules.imports.csv_table import CsvRow
from nps_connect.rules.imports.row_errors import InvalidRow, RowError, RowErrors
from nps_connect.services.context import Context
from nps_connect.services.imports.dedup_store import DedupStore
from nps_connect.services.suppressions.store import erasure_subjects

T = TypeVar("T")

MAX_ID_LENGTH = 200
MAX_NAME_LENGTH = 200
LOOKUP_RETRY_DELAYS = tuple(timedelta(seconds=seconds) for seconds in (2, 10, 30, 60))
MAX_LOOKUP_WAIT = timedelta(minutes=10)


@dataclass(frozen=True)
class ImportedPerson:
    """One person of a file.

    Attributes:
        line: line number in the file.
        email: the address, or None.
        id: vendor id at the connection, or None.
        name: the name, or None.
        language: language tag, or None.
        source_id: id at another tool, of a person without an address; None otherwise.
    """

    line: int
    email: str | None
    id: str | None
    name: str | None
    language: str | None
    source_id: str | None = None

    @property
    def key(self) -> ContactKey:
        """Key for the look-up at the connection: the id if the file has it, else the address."""
        return ContactKey(kind="id", value=self.id) if self.id else ContactKey(kind="email", value=self.email or "")

    @property
    def fingerprint(self) -> str:
        """Hash of the mailbox, the same for every spelling of it; without a mailbox, the id."""
        if self.email:
            return mailbox_contact_id(self.email)
        return f"id-{self.id}" if self.id else f"source-{self.source_id}"

    def as_contact(self, connection: str) -> Contact:
        """Build the contact from the file, for a connection that cannot look people up."""
        return Contact(
            connection=connection,
            id=self.id or self.fingerprint,
            email=self.email,
            name=self.name,
            language=self.language,
        )


class AmbiguousConnection(ValueError):
    """Several connections could know these people, or the named one does not exist."""


def choose_connection(ctx: Context, name: str | None, survey: str) -> str:
    """Return the connection that knows the people of a file.

    Args:
        ctx: the joined parts.
        name: the named connection; None means the only one that can look people up, else the channel of the survey.
        survey: name of the survey.

    Raises:
        AmbiguousConnection: it must be named.
    """
    if name is not None:
        if name not in ctx.connections:
            raise AmbiguousConnection(f"there is no connection {name!r}; allowed: {', '.join(ctx.connections)}")
        return name
    candidates = [connection for connection in ctx.connections if ctx.has(connection, "nps_find_contacts")]
    if len(candidates) > 1:
        raise AmbiguousConnection(f"several connections can look people up: name one of {', '.join(candidates)}")
    return candidates[0] if candidates else ctx.settings.surveys[survey].channel


def read_rows(
    rows: Iterable[CsvRow],
    parse: Callable[[CsvRow], T],
    dedup_key: Callable[[T], str | None],
    dedup_store: DedupStore,
    errors: RowErrors,
    duplicate: str,
) -> Iterator[T]:
    """Parse the rows of a file, each key once; rows that cannot be used are recorded.

    Args:
        rows: of the file.
        parse: parses a row, or raises `InvalidRow`.
        dedup_key: key of what was parsed; the first row with a key counts. None = not compared.
        dedup_store: the same one for a second reading of the same file, so that the same rows count.
        errors: records every row that is left out.
        duplicate: what a repeated row is, for its sentence.
    """
    for row in rows:
        if row.error is not None:
            errors.record(RowError(row.line, "unreadable", row.error))
            continue
        try:
            item = parse(row)
        except InvalidRow as error:
            errors.record(RowError(row.line, error.reason, error.detail))
            continue
        key = dedup_key(item)
        claimed_at = None if key is None else dedup_store.claim(key, row.line)
        if claimed_at is None:
            yield item
        else:
            errors.record(RowError(row.line, "duplicate", f"{duplicate} as on {claimed_at}"))


def read_people(
    rows: Iterable[CsvRow], columns: ColumnMapping, dedup_store: DedupStore, errors: RowErrors, *, allow_ids: bool
) -> Iterator[ImportedPerson]:
    """Read the people of a file, each once.

    Args:
        rows: of the file.
        columns: the fields of the columns.
        dedup_store: see `read_rows`.
        errors: records every row that is left out.
        allow_ids: accept people with an id and no address.
    """

    def parse(row: CsvRow) -> ImportedPerson:
        return parse_person(row.line, columns.values(row.cells), allow_ids=allow_ids)

    yield from read_rows(rows, parse, lambda person: person.fingerprint, dedup_store, errors, "the same person")


def parse_person(
    line: int,
    values: Mapping[str, str],
    *,
    allow_ids: bool,
    id_field: str = "id",
    source_id: str | None = None,
) -> ImportedPerson:
    """Parse the person of one row.

    Args:
        line: line number in the file.
        values: the cells by field.
        allow_ids: accept people with an id at the connection and no address.
        id_field: the field of that id.
        source_id: id at another tool, by which a person without a valid address is accepted; None = no such person is.

    Raises:
        InvalidRow: the row has no usable address or id.
    """
    vendor_id, email = values.get(id_field), values.get("email")
    reason = "address" if email else "no_address"
    if max(len(vendor_id or ""), len(source_id or "")) > MAX_ID_LENGTH - len("source-"):
        raise InvalidRow(reason, "an id that is too long")
    if email is None and not (allow_ids and vendor_id) and not source_id:
        raise InvalidRow(reason, "there is no e-mail address")
    try:
        address = cells.parse_address(email) if email else None
    except ValueError as error:
        if not source_id:
            raise InvalidRow(reason, str(error)) from None
        address = None  # the response counts, and nobody is contacted at what is no address
    name = " ".join(part for part in (values.get("first_name"), values.get("name")) if part)[:MAX_NAME_LENGTH]
    return ImportedPerson(
        line=line,
        email=address,
        id=vendor_id,
        name=name or None,
        language=cells.parse_language(values.get("language", "")),
        source_id=None if address or vendor_id else source_id,
    )


def retry_lookup(ctx: Context, connection: str, look_up: Callable[[], T]) -> T:
    """Look people up, with retries after the delay that the vendor asks for.

    Raises:
        DeliveryError: the last try failed.
    """
    for delay in LOOKUP_RETRY_DELAYS:
        try:
            return look_up()
        except RetryLater as error:
            requested = error.after or timedelta()
            if isinstance(error, RateLimited) and error.until is not None:
                requested = max(requested, error.until - ctx.clock())
            ctx.connections[connection].sleep(min(max(delay, requested), MAX_LOOKUP_WAIT).total_seconds())
    return look_up()


def erased_fingerprints(ctx: Context, session: Session, people: Sequence[ImportedPerson]) -> set[str]:
    """Fingerprints of erased people, of whom nothing is stored again."""
    fingerprints = {mailbox_hash(person.email): person.fingerprint for person in people if person.email}
    return {fingerprints[mailbox] for mailbox in erased_mailboxes(ctx, session, fingerprints)}


def erased_mailboxes(ctx: Context, session: Session, mailboxes: Iterable[str]) -> set[str]:
    """Return those of the mailboxes, given as hashes, whose people were erased."""
    mailbox_by_subject = {subject: mailbox for mailbox in mailboxes for subject in erasure_subjects(ctx, mailbox)}
    query = select(col(SuppressionRow.subject)).where(
        in_list(col(SuppressionRow.subject), "subjects"), col(SuppressionRow.reason) == "erased"
    )
    stored = session.execute(query, {"subjects": list(mailbox_by_subject)}).scalars()
    return {mailbox_by_subject[subject] for subject in stored}
