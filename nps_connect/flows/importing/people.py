"""Who stands in a file, and which connection knows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.errors import RateLimited, RetryLater
from nps_connect.flows.context import Context
from nps_connect.flows.importing.scratch import Scratch
from nps_connect.ledger.keeping import SuppressionRow
from nps_connect.ledger.many import one_of
from nps_connect.ledger.subjects import mailbox, mailbox_hash
from nps_connect.records.contacts import Contact, ContactKey
from nps_connect.rules.importing import cells
from nps_connect.rules.importing.columns import Columns
from nps_connect.rules.importing.faults import Fault, Faults
from nps_connect.rules.importing.table import Row

T = TypeVar("T")

LONGEST_ID = 200
LONGEST_NAME = 200
PATIENCE = tuple(timedelta(seconds=seconds) for seconds in (2, 10, 30, 60))
LONGEST_WAIT = timedelta(minutes=10)


@dataclass(frozen=True)
class FilePerson:
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


class NoOneConnection(ValueError):
    """Several connections could know these people, or the named one does not exist."""


def connection_for(ctx: Context, asked: str | None, survey: str) -> str:
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
            raise NoOneConnection(f"there is no connection {asked!r}; allowed: {', '.join(ctx.connections)}")
        return asked
    able = [name for name in ctx.connections if ctx.has(name, "nps_find_contacts")]
    if len(able) > 1:
        raise NoOneConnection(f"several connections can look people up: name one of {', '.join(able)}")
    return able[0] if able else ctx.settings.surveys[survey].channel


def read_people(
    rows: Iterable[Row], columns: Columns, scratch: Scratch, faults: Faults, *, by_id: bool
) -> Iterator[FilePerson]:
    """The people of a file, each once; what cannot be used is noted.

    Args:
        rows: of the file.
        columns: what they mean.
        scratch: knows who was met before; the same one again for a second reading of the same file.
        faults: hears of every line that is left out.
        by_id: an id will do where there is no address.
    """
    for row in rows:
        if row.fault is not None:
            faults.note(Fault(row.line, "unreadable", row.fault))
            continue
        told = columns.told(row.cells)
        try:
            person = person_of(row.line, told, by_id=by_id)
        except ValueError as error:
            faults.note(Fault(row.line, "address" if told.get("email") else "no_address", str(error)))
            continue
        first = scratch.owner(person.fingerprint, row.line)
        if first != row.line:
            faults.note(Fault(row.line, "duplicate", f"the same person as on line {first}"))
            continue
        yield person


def person_of(line: int, told: dict[str, str], *, by_id: bool, id_field: str = "id") -> FilePerson:
    """The person of one row.

    Raises:
        ValueError: nobody can be found by it.
    """
    vendor_id, email = told.get(id_field), told.get("email")
    if vendor_id is not None and len(vendor_id) > LONGEST_ID:
        raise ValueError(f"an id longer than {LONGEST_ID} characters")
    if email is None and not (by_id and vendor_id):
        raise ValueError("there is no e-mail address")
    name = " ".join(part for part in (told.get("first_name"), told.get("name")) if part)[:LONGEST_NAME]
    return FilePerson(
        line=line,
        email=cells.address(email) if email else None,
        id=vendor_id,
        name=name or None,
        language=cells.language(told.get("language", "")),
    )


def patiently(ctx: Context, connection: str, ask: Callable[[], T]) -> T:
    """Ask a vendor, and wait a while where it asks for that.

    Raises:
        DeliveryError: it does not answer in the end.
    """
    for wait in PATIENCE:
        try:
            return ask()
        except RetryLater as error:
            wish = error.after or timedelta()
            if isinstance(error, RateLimited) and error.until is not None:
                wish = max(wish, error.until - ctx.clock())
            ctx.connections[connection].sleep(min(max(wait, wish), LONGEST_WAIT).total_seconds())
    return ask()


def erased_mailboxes(session: Session, people: Sequence[FilePerson]) -> set[str]:
    """Fingerprints of those who were erased: nothing of them is stored again."""
    prints = {mailbox(mailbox_hash(one.email)): one.fingerprint for one in people if one.email}
    query = select(col(SuppressionRow.subject)).where(
        one_of(col(SuppressionRow.subject), "subjects"), col(SuppressionRow.reason) == "erased"
    )
    return {prints[subject] for subject in session.execute(query, {"subjects": list(prints)}).scalars()}
