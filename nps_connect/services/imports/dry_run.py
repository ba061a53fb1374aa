"""A rehearsal: what the rules of the walk would decide on everybody in a file; nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.subjects import mailbox_hash
from nps_connect.ledger.tables import ContactRow
from nps_connect.records.contacts import Contact
from nps_connect.records.events import Event
from nps_connect.rules.imports.row_errors import RowError
from nps_connect.rules.limit_state import Candidate, LimitState, Person
from nps_connect.rules.trigger_decision import TriggerDecision
from nps_connect.services.contacts.contact_batch import load_people, single_contact
from nps_connect.services.contacts.contactability import is_on_allow_list
from nps_connect.services.context import Context
from nps_connect.services.decisions.complete_events import complete_events
from nps_connect.services.decisions.limit_state import load_limit_state
from nps_connect.services.decisions.trigger_evaluator import TriggerEvaluator
from nps_connect.services.imports.campaign import Campaign, load_existing_keys
from nps_connect.services.imports.dedup_store import DedupStore
from nps_connect.services.imports.import_file import iter_batches
from nps_connect.services.imports.people import ImportedPerson, erased_fingerprints, retry_lookup
from nps_connect.services.invitations.daily_cap import build_due_counter

DRY_RUN_BATCH = 100
ALLOW_LIST = "allow_list"
COOLDOWN = "cooldown"
ERASED = "erased"


@dataclass
class DryRunResult:
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


def run_dry_run(
    ctx: Context,
    campaign: Campaign,
    people: Iterable[ImportedPerson],
    scratch: DedupStore,
    noted: Callable[[RowError], object] = lambda _fault: None,
) -> DryRunResult:
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
    found = DryRunResult()
    stage = _DryRun(ctx, campaign, scratch, found, noted)
    for batch in iter_batches(people, DRY_RUN_BATCH):
        stage.play(batch)
    return found


class _DryRun:
    def __init__(
        self,
        ctx: Context,
        campaign: Campaign,
        scratch: DedupStore,
        found: DryRunResult,
        noted: Callable[[RowError], object],
    ) -> None:
        self._ctx, self._campaign, self._scratch, self._found, self._noted = ctx, campaign, scratch, found, noted
        self._evaluator = TriggerEvaluator(ctx)
        self._limit_state: LimitState | None = None

    def play(self, batch: Sequence[ImportedPerson]) -> None:
        ctx, campaign = self._ctx, self._campaign
        with ctx.ledger.read() as session:
            known = load_existing_keys(session, campaign, batch)
            erased = erased_fingerprints(session, batch)
        self._found.people += len(batch)
        self._found.known += len(known)
        for person in batch:
            if person.fingerprint in erased:
                self._out(person.line, ERASED, "this person was erased: nothing of them is stored again")
        staying = [person for person in batch if person.fingerprint not in erased]
        fresh = [campaign.event(person) for person in staying if campaign.key(person) not in known]
        events = retry_lookup(ctx, campaign.connection, lambda: complete_events(ctx, campaign.connection, fresh))
        with ctx.ledger.read() as session:  # not open while the vendor is asked
            told = [one for event in events for one in event.contacts]
            persons = _load_people(session, told, with_history=self._evaluator.needs_history)
            books = self._opened(session, persons.values())
            for event in events:
                self._decide(event, persons, books)

    def _opened(self, session: Session, persons: Iterable[Person]) -> LimitState:
        """The books for these people, with the days that this rehearsal has filled so far."""
        opened = load_limit_state(self._ctx, session, persons)
        if self._limit_state is None:
            self._limit_state = opened
        self._limit_state.before = build_due_counter(session, opened.zone)
        self._limit_state.until, self._limit_state.waiting, self._limit_state.reached = opened.until, opened.waiting, {}
        return self._limit_state

    def _decide(self, event: Event, persons: dict[tuple[str, str], Person], books: LimitState) -> None:
        key = single_contact(event.contacts)
        prints = _dedup_keys(event.contacts[0]) if key else ()
        if any(self._scratch.has(one) for one in prints):  # the file has them twice, under two addresses
            self._out(event.fields["line"], COOLDOWN, "the same person as on an earlier line, by another address")
            return
        now = self._ctx.clock()
        case = Candidate(event, event.contacts, persons[key] if key else None, now, now)
        for _, ruling in self._evaluator.rule(self._campaign.connection, case, books):
            self._note(event, ruling, prints)

    def _note(self, event: Event, ruling: TriggerDecision, prints: Sequence[str]) -> None:
        found, later = self._found, ruling.verdict == "deferred"
        if ruling.verdict != "yes" and not later:
            self._out(event.fields["line"], ruling.reason, ruling.detail)
            return
        for one in prints:
            self._scratch.owner(one, 0)
        if not is_on_allow_list(event.contacts[0].email or "", self._ctx.settings.core.recipient_allow_list):
            self._out(event.fields["line"], ALLOW_LIST, "the address is not on the recipient allow-list")
            return
        found.reasons[ruling.reason] += 1
        found.reached += 1
        found.later += later
        if ruling.due_at is not None:
            found.last_due = max(found.last_due or ruling.due_at, ruling.due_at)

    def _out(self, line: object, reason: str, detail: str) -> None:
        self._found.reasons[reason] += 1
        self._noted(RowError(int(str(line)), reason, detail))


def _dedup_keys(contact: Contact) -> tuple[str, ...]:
    person = f"reached:{contact.connection}:{contact.id}"
    return (person, f"reached:{mailbox_hash(contact.email)}") if contact.email else (person,)


def _load_people(session: Session, contacts: Iterable[Contact], *, with_history: bool) -> dict[tuple[str, str], Person]:
    """What the ledger knows of people who may be new to it; they are not written down."""
    told = {(contact.connection, contact.id): contact for contact in contacts}
    columns = (ContactRow.connection, ContactRow.vendor_id, ContactRow.id, ContactRow.erased_at)
    query = select(*map(col, columns)).where(in_list(col(ContactRow.vendor_id), "ids"))
    stored = session.execute(query, {"ids": [vendor_id for _, vendor_id in told]}).all()
    ids = {(connection, vendor_id): contact_id or 0 for connection, vendor_id, contact_id, _ in stored}
    erased = {(connection, vendor_id) for connection, vendor_id, _, erased_at in stored if erased_at is not None}
    places = {key: ids.get(key, -number) for number, key in enumerate(told, start=1)}
    mailboxes = {
        place: mailbox_hash(email) if (email := told[key].email) and key not in erased else None
        for key, place in places.items()
    }
    known = load_people(session, mailboxes, with_history=with_history)
    return {key: known[place] for key, place in places.items()}
