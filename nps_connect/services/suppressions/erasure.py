"""Apply deletions, merges and erasures of contacts; erase and export what is stored about a person."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, select, update
from sqlmodel import Session, col

from nps_connect.ledger.audit_log import AuditRow
from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.columns import UNFINISHED_STATES
from nps_connect.ledger.comment_search import forget_removed_words
from nps_connect.ledger.cooldowns import CooldownRow
from nps_connect.ledger.review_requests import ReviewRequestRow
from nps_connect.ledger.subjects import (
    EventSubjectRow,
    contact_key_subject,
    erased_subject,
    mailbox_hash,
    mailbox_subject,
    person_subject,
    vendor_id_subject,
)
from nps_connect.ledger.suppressions import SuppressionRow
from nps_connect.ledger.tables import ContactRow, DeliveryRow, EventRow, InvitationRow, RawRequest
from nps_connect.records.actions import CancelCode
from nps_connect.records.base import mailbox_key
from nps_connect.records.contacts import Contact
from nps_connect.records.events import Event
from nps_connect.services.action_spec import CONTACT_ERASED
from nps_connect.services.contacts.contact_batch import load_merged_groups, upsert_contacts
from nps_connect.services.contacts.event_subjects import find_event_ids
from nps_connect.services.contacts.store import upsert_contact
from nps_connect.services.context import Context
from nps_connect.services.deliveries.cancel import cancel
from nps_connect.services.suppressions.data_subjects import DataSubjects, VendorObject, event_objects
from nps_connect.services.suppressions.personal_data import PERSONAL_TABLES, STORED_REQUESTS, redact_event_record
from nps_connect.services.suppressions.store import ERASED, erasure_subjects, suppress, suppress_erased_mailboxes
from nps_connect.services.suppressions.vendor_erasure import addresses_of, enqueue_vendor_erasures
from nps_connect.services.webhooks.enqueue import enqueue_erasure_webhooks

log = logging.getLogger(__name__)

MAX_NAMED_EVENTS = 10_000


def apply_contact_events(
    ctx: Context, session: Session, connection: str, events: Sequence[Event]
) -> dict[str, int | None]:
    """Apply events of `CONTACT_EVENT_KINDS`; return by event key the id of the contact, or None if it is unknown.

    Of an unknown person only an erasure is stored, so that they are never contacted.
    """
    now = ctx.clock()
    rows: dict[str, ContactRow | None] = {}
    erased: list[ContactRow] = []
    for event in events:
        upsert_contacts(session, event.contacts, now)
        row = _load_contact(session, connection, event.object_id)
        if event.kind == "contact.deleted" and row is not None:
            row.deleted_at = row.deleted_at or now
        if event.kind == "contact.privacy_deleted":
            row = row or upsert_contact(session, Contact(connection=connection, id=event.object_id), now)
            erased.append(row)
        rows[event.key] = row
    session.flush()
    if erased:
        for row in erased:
            enqueue_vendor_erasures(ctx, session, [row], except_for=[connection])
        erase_contacts(ctx, session, erased, source="vendor")
    return {key: row.id if row is not None else None for key, row in rows.items()}


def _load_contact(session: Session, connection: str, vendor_id: str) -> ContactRow | None:
    query = select(ContactRow).where(col(ContactRow.connection) == connection, col(ContactRow.vendor_id) == vendor_id)
    return session.execute(query.execution_options(populate_existing=True)).scalar()


def export_contacts(
    ctx: Context, session: Session, contacts: Sequence[ContactRow], addresses: Collection[str] = ()
) -> dict[str, list[dict[str, Any]]]:
    """Return everything that is stored about people, JSON-ready: rows by the name of their table.

    Args:
        ctx: the application context.
        session: for reading.
        contacts: at least one contact of each person who has any.
        addresses: further addresses of theirs.
    """
    people = _load_people(ctx, session, [contact.id or 0 for contact in contacts], addresses)
    rows: dict[str, list[dict[str, Any]]] = {}
    for entry in PERSONAL_TABLES:
        rows.setdefault(str(entry.table.__tablename__), []).extend(entry.export_person(session, people))
    return rows


HASHED_TABLES: tuple[Any, ...] = (CooldownRow, EventSubjectRow, ReviewRequestRow, SuppressionRow)
"""Tables with rows about a mailbox by its plain hash, which an erasure replaces by the keyed one of the suppression."""


def _remove_plain_hashes(ctx: Context, session: Session, people: DataSubjects) -> None:
    """Remove the hashes with which somebody who has an address could find out that it was surveyed."""
    no_sync = {"synchronize_session": False}
    for mailbox in people.mailboxes:
        plain = mailbox_subject(mailbox)
        for table in HASHED_TABLES:
            session.execute(delete(table).where(table.subject == plain), execution_options=no_sync)
        keyed = update(AuditRow).where(col(AuditRow.object) == plain)
        session.execute(keyed.values(object=erased_subject(ctx.erasure_keys[0], mailbox)), execution_options=no_sync)


class ErasedRows(NamedTuple):
    """What an erasure changed.

    Attributes:
        cancelled: deliveries that were cancelled.
        emptied: rows that were emptied, by the name of their table; tables without any are left out.
        mailboxes: addresses that are suppressed by their hash.
    """

    cancelled: int
    emptied: dict[str, int]
    mailboxes: int


def erase_contacts(
    ctx: Context, session: Session, contacts: Sequence[ContactRow], *, source: str, addresses: Collection[str] = ()
) -> ErasedRows:
    """Erase people: their deliveries are cancelled, and only ids, hashes, scores and times stay. Idempotent.

    They are suppressed, so that nobody contacts them again. A delivery that is being carried out loses its lease:
    its outcome is not stored.

    Args:
        ctx: the application context.
        session: the transaction.
        contacts: at least one contact of each person who has any.
        source: who asked for it, in at most 80 characters.
        addresses: further addresses of theirs.
    """
    session.flush()
    people = _load_people(ctx, session, [contact.id or 0 for contact in contacts], addresses, lock=True)
    suppress(ctx, session, sorted(map(person_subject, people.contact_ids)), ERASED, source=source)
    suppress_erased_mailboxes(ctx, session, people.mailboxes, source=source)
    cancelled = _cancel_deliveries(ctx, session, people)
    emptied: Counter[str] = Counter()
    for entry in PERSONAL_TABLES:
        emptied[str(entry.table.__tablename__)] += entry.erase_person(session, people)
    forget_removed_words(session)
    _remove_plain_hashes(ctx, session, people)
    erased = col(ContactRow.id).in_(people.contact_ids) & col(ContactRow.erased_at).is_(None)
    marked = update(ContactRow).where(erased).values(erased_at=ctx.clock())
    returned = marked.returning(col(ContactRow.connection), col(ContactRow.vendor_id))
    new = session.execute(returned, execution_options={"synchronize_session": False}).all()
    enqueue_erasure_webhooks(ctx, session, [(connection, vendor_id) for connection, vendor_id in new])
    session.expire_all()
    ctx.ledger.truncate_wal()
    return ErasedRows(cancelled, {name: count for name, count in emptied.items() if count}, len(people.mailboxes))


def _load_people(
    ctx: Context,
    session: Session,
    contact_ids: Iterable[int],
    more_addresses: Collection[str] = (),
    *,
    lock: bool = False,
) -> DataSubjects:
    """Return by what the data of people is found.

    With `lock` nobody else can add data until the end of the transaction: whoever stores a response locks its
    invitation, and whoever stores an event, a bounce or a page view locks the contact (see `upsert_contacts`).
    """
    ids = sorted(set().union(*load_merged_groups(session, contact_ids).values()))
    query = select(ContactRow).where(in_list(col(ContactRow.id), "ids")).order_by(col(ContactRow.id))
    if lock:
        invitations = select(col(InvitationRow.id)).where(in_list(col(InvitationRow.contact_id), "ids"))
        session.execute(invitations.order_by(col(InvitationRow.id)).with_for_update(key_share=True), {"ids": ids})
        query = query.with_for_update().execution_options(populate_existing=True)
    addresses: set[str] = set(more_addresses)
    names: set[str] = set()
    subjects: set[str] = set()
    objects: set[VendorObject] = set()
    connections: set[str] = set(ctx.connections if more_addresses else ())
    for row in session.execute(query, {"ids": ids}).scalars():
        addresses.update(addresses_of(row))
        if row.name and len(row.name.split()) > 1:  # a first name alone is found in texts about anybody
            names.add(row.name.lower())
        subjects.update([person_subject(row.id or 0), vendor_id_subject(row.connection, row.vendor_id)])
        objects.add(VendorObject(row.connection, "contact", row.vendor_id))
        connections.add(row.connection)
    mailboxes = sorted(map(mailbox_hash, addresses))
    subjects.update(subject for mailbox in mailboxes for subject in erasure_subjects(ctx, mailbox))
    named = find_event_ids(session, sorted(connections), subjects, MAX_NAMED_EVENTS)
    undecided = in_list(col(EventRow.id), "event_ids") & col(EventRow.contact_id).is_(None)
    decided = in_list(col(EventRow.contact_id), "ids")
    columns = (col(EventRow.id), col(EventRow.connection), col(EventRow.kind), col(EventRow.object_id))
    events = select(*columns).where(undecided | decided)
    event_ids: list[int] = []
    for event_id, connection, kind, object_id in session.execute(events, {"event_ids": list(named), "ids": ids}):
        event_ids.append(event_id)
        objects.add(VendorObject(connection, kind.partition(".")[0], object_id))
    known_names = frozenset(names.union(map(mailbox_key, addresses)))
    return DataSubjects(
        ids, event_ids, mailboxes, sorted(subjects), known_names, frozenset(objects), partial(_parse_or_none, ctx)
    )


def _parse_or_none(ctx: Context, row: RawRequest) -> list[Event]:
    """Return the events in a stored webhook; none if its connection is gone or the plugin cannot read it."""
    if not ctx.has(row.connection, "nps_parse_events"):
        return []
    try:
        return [entry for entry in ctx.parse_webhook(row) if isinstance(entry, Event)]
    except Exception as error:  # noqa: BLE001  # of the plugin; such a webhook is listed as unreadable
        log.info("webhook_not_parsed connection=%s request=%s error=%s", row.connection, row.id, type(error).__name__)
        return []


def _cancel_deliveries(ctx: Context, session: Session, people: DataSubjects) -> int:
    """Cancel what has not ended; what has started may have taken effect, and keeps its reservations."""
    is_unfinished = col(DeliveryRow.state).in_(UNFINISHED_STATES)
    query = select(DeliveryRow).where(in_list(col(DeliveryRow.contact_id), "ids"), is_unfinished)
    query = query.order_by(col(DeliveryRow.id)).with_for_update().execution_options(populate_existing=True)
    rows = session.execute(query, {"ids": people.contact_ids}).scalars().all()
    rows = [row for row in rows if not ctx.actions[row.action].erases]
    for row in rows:
        row.in_doubt = row.in_doubt or (row.state == "running" and row.started_at is not None)
        row.lease_token = row.lease_until = None
        cancel(ctx, session, row, CancelCode.CONTACT_BLOCKED, CONTACT_ERASED.detail)
    return len(rows)


def find_erased(ctx: Context, session: Session, connection: str, events: Iterable[Event]) -> set[str]:
    """Return the keys of the events that name an erased person, by vendor id or address."""
    keys_by_subject: dict[str, set[str]] = defaultdict(set)
    mailboxes: dict[str, set[str]] = defaultdict(set)
    refs: set[tuple[str, str]] = set()
    for event in events:
        if event.contact_key is not None:
            subject = contact_key_subject(connection, event.contact_key.kind, event.contact_key.value)
            keys_by_subject[subject or ""].add(event.key)
            if event.contact_key.kind == "email":
                mailboxes[mailbox_hash(event.contact_key.value)].add(event.key)
            refs.add((connection, event.contact_key.value))
        for contact in event.contacts:
            keys_by_subject[vendor_id_subject(contact.connection, contact.id)].add(event.key)
            refs.add((contact.connection, contact.id))
            if contact.email:
                mailboxes[mailbox_hash(contact.email)].add(event.key)
    for mailbox, keys in mailboxes.items():
        for subject in erasure_subjects(ctx, mailbox):
            keys_by_subject[subject] |= keys
    suppressed = select(col(SuppressionRow.subject)).where(
        in_list(col(SuppressionRow.subject), "subjects"), col(SuppressionRow.reason) == "erased"
    )
    erased = set(session.execute(suppressed, {"subjects": list(keys_by_subject)}).scalars())
    contacts = select(col(ContactRow.connection), col(ContactRow.vendor_id)).where(
        in_list(col(ContactRow.connection), "connections"),
        in_list(col(ContactRow.vendor_id), "vendor_ids"),
        col(ContactRow.erased_at).is_not(None),
    )
    parameters = {"connections": list({name for name, _ in refs}), "vendor_ids": [vendor_id for _, vendor_id in refs]}
    erased.update(vendor_id_subject(name, vendor_id) for name, vendor_id in session.execute(contacts, parameters))
    return set().union(*(keys_by_subject[subject] for subject in erased if subject in keys_by_subject))


def redact_event(event: Event) -> Event:
    """Return an event with ids only."""
    return Event.model_validate(redact_event_record(event.model_dump(mode="json")))


def erase_from_requests(ctx: Context, session: Session, connection: str, events: Iterable[Event]) -> None:
    """Empty the stored webhooks that hold these events of a connection, which name erased people."""
    objects = frozenset().union(*(event_objects(connection, event) for event in events))
    people = DataSubjects([], [], [], [], frozenset(), objects, partial(_parse_or_none, ctx))
    STORED_REQUESTS.erase_person(session, people)
    ctx.ledger.truncate_wal()


def redact_events(session: Session, events: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
    """Reduce events to ids.

    Args:
        session: the transaction.
        events: row id and record of each.
    """
    values = [{"of_id": event_id, "to_record": redact_event_record(record)} for event_id, record in events]
    if values:
        table = EventRow.__table__
        redacted = bindparam("to_record", type_=table.c.record.type)
        statement = update(table).where(table.c.id == bindparam("of_id")).values(record=redacted)
        session.connection().execute(statement, values)
