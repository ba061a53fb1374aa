"""Dry run of a campaign: what would be decided for everybody in a file; nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from nps_connect.rules.limit_state import LimitState
from nps_connect.rules.trigger_decision import Candidate, Person, TriggerDecision
from nps_connect.services.contacts.contact_batch import ContactRef, load_people, single_contact
from nps_connect.services.contacts.store import is_on_allow_list
from nps_connect.services.context import Context
from nps_connect.services.decisions.decide_batch import complete_events
from nps_connect.services.decisions.limit_state import load_limit_state
from nps_connect.services.decisions.trigger_evaluator import TriggerEvaluator
from nps_connect.services.imports.campaign import Campaign, load_existing_keys
from nps_connect.services.imports.dedup_store import DedupStore
from nps_connect.services.imports.import_file import iter_batches
from nps_connect.services.imports.people import ImportedPerson, erased_fingerprints, retry_lookup
from nps_connect.services.invitations.invite import build_due_counter

DRY_RUN_BATCH = 100
ALLOW_LIST = "allow_list"
COOLDOWN = "cooldown"
ERASED = "erased"


@dataclass
class DryRunResult:
    """What would be decided for the people of a file.

    Attributes:
        people: number of people in the file.
        already_imported: number of them who are in this campaign already; nothing more happens to them.
        reachable: number of people who would get the survey mail, today or later.
        deferred: number of these who wait for a day with room, or for the end of their cooldown.
        reasons: number of decisions by reason; `ALLOW_LIST` are people whose mail would be refused when it is due,
            `ERASED` people of whom nothing is stored again.
        last_due_at: when the last mail would be due, as far as it is decided now.
    """

    people: int = 0
    already_imported: int = 0
    reachable: int = 0
    deferred: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    last_due_at: datetime | None = None


def run_dry_run(
    ctx: Context,
    campaign: Campaign,
    people: Iterable[ImportedPerson],
    dedup_store: DedupStore,
    on_skipped: Callable[[RowError], object] = lambda _error: None,
) -> DryRunResult:
    """Decide for everybody in the file with limits that are kept in memory.

    Args:
        ctx: the joined parts.
        campaign: the planned campaign.
        people: of the file, each once.
        dedup_store: records who has been reached.
        on_skipped: called with each person who would not be reached, and the reason.

    Raises:
        DeliveryError: the connection cannot look the people up.
    """
    dry_run = _DryRun(ctx, campaign, dedup_store, on_skipped)
    for batch in iter_batches(people, DRY_RUN_BATCH):
        dry_run.decide_batch(batch)
    return dry_run.result


@dataclass
class _DryRun:
    ctx: Context
    campaign: Campaign
    dedup_store: DedupStore
    on_skipped: Callable[[RowError], object]
    result: DryRunResult = field(default_factory=DryRunResult)
    limit_state: LimitState | None = None

    def decide_batch(self, batch: Sequence[ImportedPerson]) -> None:
        ctx, campaign, evaluator = self.ctx, self.campaign, TriggerEvaluator(self.ctx)
        with ctx.ledger.read() as session:
            existing_keys = load_existing_keys(session, campaign, batch)
            erased = erased_fingerprints(ctx, session, batch)
        self.result.people += len(batch)
        self.result.already_imported += len(existing_keys)
        for person in batch:
            if person.fingerprint in erased:
                self._record_skipped(person.line, ERASED, "this person was erased: nothing of them is stored again")
        remaining = [person for person in batch if person.fingerprint not in erased]
        events = [campaign.event(person) for person in remaining if campaign.key(person) not in existing_keys]
        completed = retry_lookup(ctx, campaign.connection, lambda: complete_events(ctx, campaign.connection, events))
        with ctx.ledger.read() as session:  # not open during the look-up
            contacts = [contact for event in completed for contact in event.contacts]
            people = _load_people(ctx, session, contacts, with_history=evaluator.needs_history)
            limit_state = self._load_limit_state(session, people.values())
            for event in completed:
                self._decide(evaluator, event, people, limit_state)

    def _load_limit_state(self, session: Session, people: Iterable[Person]) -> LimitState:
        """Load the limits for these people, and keep the surveys that this dry run has added."""
        loaded = load_limit_state(self.ctx, session, people)
        state = self.limit_state = self.limit_state or loaded
        state.due_before = build_due_counter(session, loaded.zone)
        state.cooldown_ends, state.deferred, state.reached = loaded.cooldown_ends, loaded.deferred, {}
        return state

    def _decide(
        self, evaluator: TriggerEvaluator, event: Event, people: Mapping[ContactRef, Person], limit_state: LimitState
    ) -> None:
        ref = single_contact(event.contacts)
        dedup_keys = _dedup_keys(event.contacts[0]) if ref else ()
        if any(self.dedup_store.is_claimed(key) for key in dedup_keys):  # twice in the file, under two addresses
            detail = "the same person as on an earlier line, by another address"
            self._record_skipped(event.fields["line"], COOLDOWN, detail)
            return
        now = self.ctx.clock()
        candidate = Candidate(event, event.contacts, people[ref] if ref else None, now, now)
        for _, decision in evaluator.evaluate(self.campaign.connection, candidate, limit_state):
            self._record(event, decision, dedup_keys)

    def _record(self, event: Event, decision: TriggerDecision, dedup_keys: Sequence[str]) -> None:
        result, line = self.result, event.fields["line"]
        if decision.verdict not in ("yes", "deferred"):
            self._record_skipped(line, decision.reason, decision.detail)
            return
        for key in dedup_keys:
            self.dedup_store.claim(key, 0)
        if not is_on_allow_list(event.contacts[0].email or "", self.ctx.settings.core.recipient_allow_list):
            self._record_skipped(line, ALLOW_LIST, "the address is not on the recipient allow-list")
            return
        result.reasons[decision.reason] += 1
        result.reachable += 1
        result.deferred += decision.verdict == "deferred"
        if decision.due_at is not None:
            result.last_due_at = max(result.last_due_at or decision.due_at, decision.due_at)

    def _record_skipped(self, line: object, reason: str, detail: str) -> None:
        self.result.reasons[reason] += 1
        self.on_skipped(RowError(int(str(line)), reason, detail))


def _dedup_keys(contact: Contact) -> tuple[str, ...]:
    key = f"reached:{contact.connection}:{contact.id}"
    return (key, f"reached:{mailbox_hash(contact.email)}") if contact.email else (key,)


def _load_people(
    ctx: Context, session: Session, contacts: Iterable[Contact], *, with_history: bool
) -> dict[ContactRef, Person]:
    """Load what the ledger knows of contacts that need not be stored; nothing is written."""
    contact_by_ref = {(contact.connection, contact.id): contact for contact in contacts}
    columns = (ContactRow.connection, ContactRow.vendor_id, ContactRow.id, ContactRow.erased_at)
    query = select(*map(col, columns)).where(in_list(col(ContactRow.vendor_id), "ids"))
    rows = session.execute(query, {"ids": [vendor_id for _, vendor_id in contact_by_ref]}).all()
    stored_ids = {(connection, vendor_id): contact_id or 0 for connection, vendor_id, contact_id, _ in rows}
    erased = {(connection, vendor_id) for connection, vendor_id, _, erased_at in rows if erased_at is not None}
    ids = {ref: stored_ids.get(ref, -number) for number, ref in enumerate(contact_by_ref, start=1)}
    mailboxes = {
        contact_id: mailbox_hash(email) if (email := contact_by_ref[ref].email) and ref not in erased else None
        for ref, contact_id in ids.items()
    }
    people = load_people(session, mailboxes, ctx.erasure_keys, with_history=with_history)
    return {ref: people[contact_id] for ref, contact_id in ids.items()}
