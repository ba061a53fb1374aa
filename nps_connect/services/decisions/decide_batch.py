"""Complete a batch of events at the vendor, and decide it in one transaction, with everything that follows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select, update
from sqlmodel import Session, col

from nps_connect.errors import PluginError
from nps_connect.ledger import claims
from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.tables import DecisionRow, EventRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.events import CONTACT_EVENT_KINDS, TICKET_EVENT_KINDS, Event
from nps_connect.rules.limit_state import DeferredEvent
from nps_connect.rules.trigger_decision import Candidate, superseded_decision
from nps_connect.services.contacts.contact_batch import (
    ContactRef,
    StoredContact,
    find_contacts,
    load_people,
    single_contact,
    upsert_contacts,
)
from nps_connect.services.contacts.event_subjects import record_candidates
from nps_connect.services.contacts.ledger_lookup import complete_contacts
from nps_connect.services.context import Context
from nps_connect.services.decisions.limit_state import load_limit_state
from nps_connect.services.decisions.recovery_survey import process_ticket_event
from nps_connect.services.decisions.trigger_evaluator import StoredEvent, TriggerEvaluator, decision_columns
from nps_connect.services.invitations.campaigns import CAMPAIGN_EVENT_KIND
from nps_connect.services.invitations.invite import ApprovedSurvey, create_invitations
from nps_connect.services.notices.staff_notices import notify_decision_limits
from nps_connect.services.reviews.review_pages import location_fields
from nps_connect.services.suppressions.erasure import apply_contact_events, find_erased, redact_event
from nps_connect.services.suppressions.personal_data import ERASED_TEXT
from nps_connect.services.webhooks.enqueue import enqueue_decision_webhooks
from nps_connect.settings.triggers import SCHEDULE_EVENT_KIND

DECISION_LOCK = "decisions"
"""Name of the lock that serialises decisions about surveys: each must see the counts of the others."""

_EVENTS_TABLE = EventRow.__table__
_DEFER_EVENT = (
    update(_EVENTS_TABLE)
    .where(_EVENTS_TABLE.c.id == bindparam("event_id"))
    .values(state="pending", due_at=bindparam("due_again_at", type_=_EVENTS_TABLE.c.due_at.type))
)


class SavedColumns(NamedTuple):
    """Columns of a decided event: its one contact, and its record (ids only if it names an erased person)."""

    contact_id: int | None
    record: Event


class PreparedEvents(NamedTuple):
    """Stored contacts of a batch of events, and by key: the columns of each event, events that name erased people."""

    contacts: dict[ContactRef, StoredContact]
    columns: dict[str, SavedColumns]
    erased: dict[str, Event]


def complete_events(ctx: Context, connection: str, events: Sequence[Event]) -> list[Event]:
    """Return the same events in the same order, with the fields that triggers use and with their contacts.

    The contacts of a connection that cannot look people up are those of the ledger.

    Raises:
        DeliveryError: the vendor is unavailable or refuses.
        PluginError: the plugin returned other events than it was given.
    """
    vendor_events = [event for event in events if event.kind != SCHEDULE_EVENT_KIND]
    if len(vendor_events) < len(events):  # a schedule makes its events complete; the vendor knows nothing of them
        completed = iter(complete_events(ctx, connection, vendor_events))
        return [event if event.kind == SCHEDULE_EVENT_KIND else next(completed) for event in events]
    events = _complete_fields(ctx, connection, events)
    if not ctx.has(connection, "nps_find_contacts"):
        with ctx.ledger.read() as session:
            return complete_contacts(session, connection, events) if events else []
    open_keys = [event.contact_key for event in events if event.contact_key and not event.contacts]
    if not open_keys:
        return list(events)
    matches = find_contacts(ctx, connection, list(dict.fromkeys(open_keys)))
    contacts_by_key = dict(map(attrgetter("key", "contacts"), matches))
    return [
        event.copy_unvalidated(contacts=contacts_by_key.get(event.contact_key, ()))
        if event.contact_key and not event.contacts
        else event
        for event in events
    ]


def _complete_fields(ctx: Context, connection: str, events: Sequence[Event]) -> Sequence[Event]:
    if not events or not ctx.has(connection, "nps_complete_events"):
        return events
    names = location_fields(ctx) | {use.field for use in ctx.connections[connection].contact_fields}
    for trigger in ctx.settings.triggers:
        if trigger.source == connection and trigger.label in ctx.filters:
            names |= ctx.filters[trigger.label].names
    plugin = ctx.connections[connection].settings.plugin
    arguments = {"connection": ctx.connections[connection], "events": events, "fields": sorted(names)}
    completed: Sequence[Event] = ctx.plugins.call(plugin, "nps_complete_events", **arguments)
    if [event.key for event in completed] != [event.key for event in events]:
        raise PluginError(plugin, "nps_complete_events did not give the same events in the same order")
    return completed


def prepare_events(ctx: Context, session: Session, connection: str, events: Sequence[Event]) -> PreparedEvents:
    """Store the contacts of completed events and apply events that change contacts; the first step of a decision.

    The caller then writes the events as succeeded with the returned columns, and calls `decide_batch` in the same
    transaction.
    """
    contact_events: list[Event] = []
    unmatched: list[Event] = []
    for event in events:
        if event.kind in CONTACT_EVENT_KINDS:
            contact_events.append(event)
        if not event.contacts:
            unmatched.append(event)
    changed_ids = apply_contact_events(ctx, session, connection, contact_events) if contact_events else {}
    contacts = upsert_contacts(session, [contact for event in events for contact in event.contacts], ctx.clock())
    erased_keys = find_erased(ctx, session, connection, unmatched) if unmatched else set()
    columns: dict[str, SavedColumns] = {}
    erased: dict[str, Event] = {}
    for event in events:
        ref = single_contact(event.contacts)
        contact_id = contacts[ref].id if ref else changed_ids.get(event.key)
        is_erased = event.key in erased_keys
        for contact in event.contacts:
            is_erased |= contacts[contact.connection, contact.id].erased
        if is_erased:
            erased[event.key] = event
        columns[event.key] = SavedColumns(contact_id, redact_event(event) if is_erased else event)
    return PreparedEvents(contacts, columns, erased)


def decide_batch(
    ctx: Context,
    session: Session,
    connection: str,
    stored: Sequence[StoredEvent],
    prepared: PreparedEvents,
) -> set[str]:
    """Decide stored events in order, with everything that follows; return the queues that have new work.

    Args:
        ctx: the joined parts.
        session: the transaction in which the events were written.
        connection: of the events.
        stored: completed events, just parsed or claimed from the queue.
        prepared: the same events, see `prepare_events`.

    Raises:
        ReservationConflict: another worker reserved a cooldown first; the transaction must be rolled back.
    """
    queues, open_events, contacts = set(), [], prepared.contacts
    mailboxes: dict[int, str | None] = {}
    for row in stored:
        ref = single_contact(row.event.contacts)
        if ref is None:
            open_events.append((row.id, row.event))
        else:
            mailboxes[contacts[ref].id] = contacts[ref].mailbox
        if row.event.kind in TICKET_EVENT_KINDS:
            queues |= process_ticket_event(ctx, session, row)
    queues |= _decide_and_invite(ctx, session, stored, prepared, mailboxes)
    if open_events:
        record_candidates(session, connection, open_events, contacts)
    return queues


def _decide_and_invite(
    ctx: Context,
    session: Session,
    stored: Sequence[StoredEvent],
    prepared: PreparedEvents,
    mailboxes: Mapping[int, str | None],
) -> set[str]:
    evaluator, now = TriggerEvaluator(ctx), ctx.clock()
    people = load_people(session, mailboxes, ctx.erasure_keys, with_history=evaluator.needs_history)
    if people:
        claims.advisory_lock(session, DECISION_LOCK)
    is_scheduled = SCHEDULE_EVENT_KIND in [row.event.kind for row in stored]
    recurring = [trigger.survey for trigger in ctx.settings.schedule_triggers] if is_scheduled else []
    limit_state = load_limit_state(ctx, session, people.values(), recurring)
    earlier_verdicts = _load_earlier_verdicts(session, [row.id for row in stored])
    decisions: list[dict[str, Any]] = []
    approved: list[ApprovedSurvey] = []
    due_again_at: dict[int, datetime] = {}
    has_reached_limit = False
    for row in evaluator.sort_by_priority(stored):
        ref = single_contact(row.event.contacts)
        contact = prepared.contacts[ref] if ref else None
        person = people[contact.id] if contact else None
        verdicts = earlier_verdicts.get(row.id, {})
        was_looked_up = row.event.kind != CAMPAIGN_EVENT_KIND and ctx.has(row.connection, "nps_find_contacts")
        candidate = Candidate(row.event, row.event.contacts, person, now, row.received_at, verdicts, was_looked_up)
        for trigger, decision in evaluator.evaluate(row.connection, candidate, limit_state):
            decisions.append(decision_columns(row, trigger, decision, contact.id if contact else None, now))
            if row.event.key in prepared.erased:  # the sentence may contain values of the event
                decisions[-1]["detail"] = ERASED_TEXT
            has_reached_limit |= decision.verdict in ("deferred", "held")
            if decision.verdict == "yes" and contact is not None and person is not None:
                due_at = decision.due_at or now
                occurred_at = row.event.occurred_at
                approved.append(ApprovedSurvey(row.id, row.ref, occurred_at, contact, person, trigger, due_at))
            if decision.verdict == "deferred" and decision.eligible_at is not None:
                due_again_at[row.id] = min(decision.eligible_at, due_again_at.get(row.id, decision.eligible_at))
    if limit_state.superseded:
        _supersede(session, limit_state.superseded, decisions)
    queues = create_invitations(ctx, session, approved)
    insert_many(session, DecisionRow, decisions, on_conflict=_overwrite_decision)
    if "decision.made" in ctx.webhook_subscribers.by_type:
        event_by_id = {row.id: row for row in stored}
        decided = [(event_by_id[decision["event_id"]], decision) for decision in decisions]
        queues |= enqueue_decision_webhooks(ctx, session, decided)
    if due_again_at:
        deferred = [{"event_id": key, "due_again_at": due_at} for key, due_at in due_again_at.items()]
        session.connection().execute(_DEFER_EVENT, deferred)
    return queues | (notify_decision_limits(ctx, session, decisions) if has_reached_limit else set())


def _load_earlier_verdicts(session: Session, event_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """Verdicts of earlier decisions by event id and trigger label."""
    query = select(col(DecisionRow.event_id), col(DecisionRow.trigger), col(DecisionRow.verdict))
    query = query.where(in_list(col(DecisionRow.event_id), "ids"))
    verdicts: dict[int, dict[str, str]] = defaultdict(dict)
    for event_id, trigger, verdict in session.execute(query, {"ids": list(event_ids)}):
        verdicts[event_id][trigger] = verdict
    return verdicts


def _supersede(session: Session, superseded: Mapping[str, DeferredEvent], decisions: Sequence[dict[str, Any]]) -> None:
    """Refuse events that waited for a cooldown and were replaced by newer events of the same person."""
    query = select(col(EventRow.id), col(EventRow.key)).where(col(EventRow.key).in_(superseded))
    for event_id, key in session.execute(query).all():
        decision = superseded_decision(superseded[key].key)
        values = {"verdict": "no", "reason": decision.reason, "detail": decision.detail, "eligible_at": None}
        for row in decisions:
            if row["event_id"] == event_id and row["verdict"] == "deferred":
                row.update(values)
        session.execute(
            update(DecisionRow)
            .where(col(DecisionRow.event_id) == event_id, col(DecisionRow.verdict) == "deferred")
            .values(**values)
            .execution_options(synchronize_session=False)
        )


def _overwrite_decision(statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert
    names = ("survey", "contact_id", "verdict", "reason", "detail", "decided_at", "eligible_at")
    changed = {name: getattr(statement.excluded, name) for name in names}
    return statement.on_conflict_do_update(index_elements=["event_id", "trigger"], set_=changed)
