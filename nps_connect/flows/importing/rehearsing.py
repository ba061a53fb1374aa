"""A rehearsal: what the rules of the walk would decide on everybody in a file; nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.flows.context import Context
from nps_connect.flows.deciding.bookkeeping import books_of, due_counter
from nps_connect.flows.deciding.gathering import people_of, the_one
from nps_connect.flows.deciding.listening import Bench
from nps_connect.flows.delivering.permit import allowed
from nps_connect.flows.importing.campaign import Campaign, known_keys
from nps_connect.flows.importing.people import FilePerson, erased_mailboxes, patiently
from nps_connect.flows.importing.scratch import Scratch
from nps_connect.flows.importing.source import batches
from nps_connect.flows.intake.complete import complete
from nps_connect.ledger.many import one_of
from nps_connect.ledger.subjects import mailbox_hash
from nps_connect.ledger.tables import ContactRow
from nps_connect.records.contacts import Contact
from nps_connect.records.events import Event
from nps_connect.rules.deciding import Ruling
from nps_connect.rules.importing.faults import Fault
from nps_connect.rules.judging import Books, Case, Person

BATCH = 100
ALLOW_LIST = "allow_list"
COOLDOWN = "cooldown"
ERASED = "erased"


@dataclass
class Rehearsal:
    """What would become of the people of a file.

    Attributes:
        people: how many were looked at.
        known: how many of them stood in a file of this campaign before: nothing more happens to them.
        reached: how many would get the survey's mail, today or later.
        later: how many of these have to wait for a free day, or for the end of their cooldown.
        reasons: how many decisions there would be of each reason; `allow_list` are those whose mail would be held back
            when it is due, `erased` those of whom nothing is stored again.
        last_due: when the last mail would be due, as far as that is decided now.
    """

    people: int = 0
    known: int = 0
    reached: int = 0
    later: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    last_due: datetime | None = None


def rehearse(
    ctx: Context,
    campaign: Campaign,
    people: Iterable[FilePerson],
    scratch: Scratch,
    noted: Callable[[Fault], object] = lambda _fault: None,
) -> Rehearsal:
    """Decide on everybody as the walk would, with books that are kept in memory.

    Args:
        ctx: the joined parts.
        campaign: theirs.
        people: of the file, each once.
        scratch: knows who was met before.
        noted: hears of everybody who would not be reached, and why.

    Raises:
        DeliveryError: the connection cannot tell who they are.
    """
    found = Rehearsal()
    stage = _Stage(ctx, campaign, scratch, found, noted)
    for batch in batches(people, BATCH):
        stage.play(batch)
    return found


class _Stage:
    def __init__(
        self,
        ctx: Context,
        campaign: Campaign,
        scratch: Scratch,
        found: Rehearsal,
        noted: Callable[[Fault], object],
    ) -> None:
        self._ctx, self._campaign, self._scratch, self._found, self._noted = ctx, campaign, scratch, found, noted
        self._bench = Bench(ctx)
        self._books: Books | None = None

    def play(self, batch: Sequence[FilePerson]) -> None:
        ctx, campaign = self._ctx, self._campaign
        with ctx.ledger.read() as session:
            known = known_keys(session, campaign, batch)
            erased = erased_mailboxes(session, batch)
        self._found.people += len(batch)
        self._found.known += len(known)
        for person in batch:
            if person.fingerprint in erased:
                self._out(person.line, ERASED, "this person was erased: nothing of them is stored again")
        staying = [person for person in batch if person.fingerprint not in erased]
        fresh = [campaign.event(person) for person in staying if campaign.key(person) not in known]
        events = patiently(ctx, campaign.connection, lambda: complete(ctx, campaign.connection, fresh))
        with ctx.ledger.read() as session:  # not open while the vendor is asked
            told = [one for event in events for one in event.contacts]
            persons = _persons(session, told, past=self._bench.asks_about_the_past)
            books = self._opened(session, persons.values())
            for event in events:
                self._decide(event, persons, books)

    def _opened(self, session: Session, persons: Iterable[Person]) -> Books:
        """The books for these people, with the days that this rehearsal has filled so far."""
        opened = books_of(self._ctx, session, persons)
        if self._books is None:
            self._books = opened
        self._books.before = due_counter(session, opened.zone)
        self._books.until, self._books.waiting, self._books.reached = opened.until, opened.waiting, {}
        return self._books

    def _decide(self, event: Event, persons: dict[tuple[str, str], Person], books: Books) -> None:
        key = the_one(event.contacts)
        prints = _prints(event.contacts[0]) if key else ()
        if any(self._scratch.has(one) for one in prints):  # the file has them twice, under two addresses
            self._out(event.fields["line"], COOLDOWN, "the same person as on an earlier line, by another address")
            return
        now = self._ctx.clock()
        case = Case(event, event.contacts, persons[key] if key else None, now, now)
        for _, ruling in self._bench.rule(self._campaign.connection, case, books):
            self._note(event, ruling, prints)

    def _note(self, event: Event, ruling: Ruling, prints: Sequence[str]) -> None:
        found, later = self._found, ruling.verdict == "deferred"
        if ruling.verdict != "yes" and not later:
            self._out(event.fields["line"], ruling.reason, ruling.detail)
            return
        for one in prints:
            self._scratch.owner(one, 0)
        if not allowed(event.contacts[0].email or "", self._ctx.settings.core.recipient_allow_list):
            self._out(event.fields["line"], ALLOW_LIST, "the address is not on the recipient allow-list")
            return
        found.reasons[ruling.reason] += 1
        found.reached += 1
        found.later += later
        if ruling.due_at is not None:
            found.last_due = max(found.last_due or ruling.due_at, ruling.due_at)

    def _out(self, line: object, reason: str, detail: str) -> None:
        self._found.reasons[reason] += 1
        self._noted(Fault(int(str(line)), reason, detail))


def _prints(contact: Contact) -> tuple[str, ...]:
    person = f"reached:{contact.connection}:{contact.id}"
    return (person, f"reached:{mailbox_hash(contact.email)}") if contact.email else (person,)


def _persons(session: Session, contacts: Iterable[Contact], *, past: bool) -> dict[tuple[str, str], Person]:
    """What the ledger knows of people who may be new to it; they are not written down."""
    told = {(contact.connection, contact.id): contact for contact in contacts}
    columns = (ContactRow.connection, ContactRow.vendor_id, ContactRow.id, ContactRow.erased_at)
    query = select(*map(col, columns)).where(one_of(col(ContactRow.vendor_id), "ids"))
    stored = session.execute(query, {"ids": [vendor_id for _, vendor_id in told]}).all()
    ids = {(connection, vendor_id): contact_id or 0 for connection, vendor_id, contact_id, _ in stored}
    erased = {(connection, vendor_id) for connection, vendor_id, _, erased_at in stored if erased_at is not None}
    places = {key: ids.get(key, -number) for number, key in enumerate(told, start=1)}
    mailboxes = {
        place: mailbox_hash(email) if (email := told[key].email) and key not in erased else None
        for key, place in places.items()
    }
    known = people_of(session, mailboxes, past=past)
    return {key: known[place] for key, place in places.items()}
