"""Who stands in a file, and which connection knows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.errors import RateLimited, RetryLater
from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.subjects import mailbox_hash, mailbox_subject
from nps_connect.ledger.suppressions import SuppressionRow
from nps_connect.records.contacts import Contact, ContactKey
from nps_connect.rules.imports import cells
from nps_connect.rules.imports.columns import ColumnMapping
from nps_connect.rules.imports.csv_table import CsvRow
from nps_connect.rules.imports.row_errors import RowError, RowErrors
from nps_connect.services.context import Context
from nps_connect.services.imports.dedup_store import DedupStore

T = TypeVar("T")

MAX_ID_LENGTH = 200
MAX_NAME_LENGTH = 200
LOOKUP_RETRY_DELAYS = tuple(timedelta(seconds=seconds) for seconds in (2, 10, 30, 60))
MAX_LOOKUP_WAIT = timedelta(minutes=10)


@dataclass(frozen=True)
class ImportedPerson:
    """One person of a file.

    Attributes:
        line: where.
        email: the address, or none.
        id: as the connection knows them, or none.
        name: or none.
        language: tag, or none.
    """

    line: int
    email: str | None
    id: str | None
    name: str | None
    language: str | None

    @property
    def key(self) -> ContactKey:
        """How a connection looks them up: by id where the file tells it, else by address."""
        return ContactKey(kind="id", value=self.id) if self.id else ContactKey(kind="email", value=self.email or "")

    @property
    def fingerprint(self) -> str:
        """The same for every spelling of one mailbox, and without it."""
        return f"mailbox-{mailbox_hash(self.email)[:32]}" if self.email else f"id-{self.id}"

    def as_contact(self, connection: str) -> Contact:
        """The person as the file tells them, for a connection that can look nobody up."""
        return Contact(
            connection=connection,
            id=self.id or self.fingerprint,
            email=self.email,
            name=self.name,
            language=self.language,
        )


class AmbiguousConnection(ValueError):
    """Several connections could know these people, or the named one does not exist."""


def choose_connection(ctx: Context, asked: str | None, survey: str) -> str:
    """The connection that knows the people of a file.

    Args:
        ctx: the joined parts.
        asked: by name, or none: the only one that can look people up, else the survey's channel.
        survey: whose channel it is.

    Raises:
        NoOneConnection: it must be named.
    """
    if asked is not None:
        if asked not in ctx.connections:
            raise AmbiguousConnection(f"there is no connection {asked!r}; allowed: {', '.join(ctx.connections)}")
        return asked
    able = [name for name in ctx.connections if ctx.has(name, "nps_find_contacts")]
    if len(able) > 1:
        raise AmbiguousConnection(f"several connections can look people up: name one of {', '.join(able)}")
    return able[0] if able else ctx.settings.surveys[survey].channel


def read_people(
    rows: Iterable[CsvRow], columns: ColumnMapping, scratch: DedupStore, faults: RowErrors, *, allow_ids: bool
) -> Iterator[ImportedPerson]:
    """The people of a file, each once; what cannot be used is noted.

    Args:
        rows: of the file.
        columns: what they mean.
        scratch: knows who was met before; the same one again for a second reading of the same file.
        faults: hears of every line that is left out.
        by_id: an id will do where there is no address.
    """
    for row in rows:
        if row.error is not None:
            faults.note(RowError(row.line, "unreadable", row.error))
            continue
        told = columns.told(row.cells)
        try:
            person = parse_person(row.line, told, allow_ids=allow_ids)
        except ValueError as error:
            faults.note(RowError(row.line, "address" if told.get("email") else "no_address", str(error)))
            continue
        first = scratch.claim(person.fingerprint, row.line)
        if first != row.line:
            faults.note(RowError(row.line, "duplicate", f"the same person as on line {first}"))
            continue
        yield person


def parse_person(line: int, told: dict[str, str], *, allow_ids: bool, id_field: str = "id") -> ImportedPerson:
    """The person of one row.

    Raises:
        ValueError: nobody can be found by it.
    """
    vendor_id, email = told.get(id_field), told.get("email")
    if vendor_id is not None and len(vendor_id) > MAX_ID_LENGTH:
        raise ValueError(f"an id longer than {MAX_ID_LENGTH} characters")
    if email is None and not (allow_ids and vendor_id):
        raise ValueError("there is no e-mail address")
    name = " ".join(part for part in (told.get("first_name"), told.get("name")) if part)[:MAX_NAME_LENGTH]
    return ImportedPerson(
        line=line,
        email=cells.parse_address(email) if email else None,
        id=vendor_id,
        name=name or None,
        language=cells.parse_language(told.get("language", "")),
    )


def retry_lookup(ctx: Context, connection: str, ask: Callable[[], T]) -> T:
    """Ask a vendor, and wait a while where it asks for that.

    Raises:
        DeliveryError: it does not answer in the end.
    """
    for wait in LOOKUP_RETRY_DELAYS:
        try:
            return ask()
        except RetryLater as error:
            wish = error.after or timedelta()
            if isinstance(error, RateLimited) and error.until is not None:
                wish = max(wish, error.until - ctx.clock())
            ctx.connections[connection].sleep(min(max(wait, wish), MAX_LOOKUP_WAIT).total_seconds())
    return ask()


def erased_fingerprints(session: Session, people: Sequence[ImportedPerson]) -> set[str]:
    """Fingerprints of those who were erased: nothing of them is stored again."""
    prints = {mailbox_subject(mailbox_hash(one.email)): one.fingerprint for one in people if one.email}
    query = select(col(SuppressionRow.subject)).where(
        in_list(col(SuppressionRow.subject), "subjects"), col(SuppressionRow.reason) == "erased"
    )
    return {prints[subject] for subject in session.execute(query, {"subjects": list(prints)}).scalars()}
