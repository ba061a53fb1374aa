"""Apply deletions, merges and erasures of contacts. An erasure leaves ids, hashes and counts in every table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlmodel import Session, col

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.subjects import contact_subjects, vendor_id_subject
from nps_connect.ledger.tables import (
    AttemptRow,
    ContactRow,
    DecisionRow,
    DeliveryRow,
    EventRow,
    ResponseRow,
    RevisionRow,
)
from nps_connect.records.contacts import Contact
from nps_connect.records.events import Event
from nps_connect.services.contacts.contact_batch import upsert_contacts
from nps_connect.services.contacts.event_subjects import find_event_ids
from nps_connect.services.contacts.store import upsert_contact
from nps_connect.services.context import Context
from nps_connect.services.suppressions.store import suppress

MAX_NAMED_EVENTS = 10_000
ERASED_DETAIL = "erased with the contact"
PERSONAL_REASONS = ("filter", "veto", "surveyed")
"""Decision reasons whose detail may contain values of the contact, or text of a plugin about it."""

_KEPT_FIELDS = ("key", "kind", "object_id", "occurred_at")


def apply_contact_event(ctx: Context, session: Session, connection: str, event: Event) -> int | None:
    """Apply one of `CONTACT_EVENT_KINDS`; return the id of the stored contact, or None if it is unknown.

    Of an unknown person only an erasure is stored, so that they are never contacted.
    """
    now = ctx.clock()
    upsert_contacts(session, event.contacts, now)
    row = _load_contact(session, connection, event.object_id)
    if event.kind == "contact.deleted" and row is not None:
        row.deleted_at = row.deleted_at or now
    if event.kind == "contact.privacy_deleted":
        row = row or upsert_contact(session, Contact(connection=connection, id=event.object_id), now)
        erase_contact(ctx, session, row)
    session.flush()
    return row.id if row is not None else None


def reapply_erasure(session: Session, connection: str, vendor_id: str) -> None:
    """Erase a person from events that were decided in the same batch and written after the erasure."""
    row = _load_contact(session, connection, vendor_id)
    if row is not None:
        erase_from_events(session, row)


def _load_contact(session: Session, connection: str, vendor_id: str) -> ContactRow | None:
    query = select(ContactRow).where(col(ContactRow.connection) == connection, col(ContactRow.vendor_id) == vendor_id)
    return session.execute(query.execution_options(populate_existing=True)).scalar()


def redact_event_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event's record with ids only: no address, no name, no fields."""
    key = record.get("contact_key")
    contacts = [{"connection": ref["connection"], "id": ref["id"]} for ref in record.get("contacts") or []]
    kept = {name: record[name] for name in _KEPT_FIELDS}
    return kept | {"contact_key": key if key and key["kind"] != "email" else None, "contacts": contacts}


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


def erase_contact(ctx: Context, session: Session, row: ContactRow) -> None:
    """Erase a contact: only ids and hashes stay, and a suppression so that the person is never contacted again."""
    subjects = contact_subjects(row.id or 0, row.mailbox)
    suppress(ctx, session, subjects, "erased", source="vendor")
    erase_from_events(session, row)
    _erase_from_responses_and_deliveries(session, row)
    row.erased_at = row.erased_at or ctx.clock()
    row.email = row.name = row.language = row.mailbox = None
    row.record = {}


def erase_from_events(session: Session, row: ContactRow) -> None:
    """Reduce the events of a contact to ids, and the undecided events that name it."""
    session.flush()
    subjects = [*contact_subjects(row.id or 0, row.mailbox), vendor_id_subject(row.connection, row.vendor_id)]
    event_ids = find_event_ids(session, [row.connection], subjects, MAX_NAMED_EVENTS)
    columns = col(EventRow.id), col(EventRow.record)
    undecided = select(*columns).where(in_list(col(EventRow.id), "ids"), col(EventRow.contact_id).is_(None))
    record_by_id = dict(session.execute(undecided, {"ids": list(event_ids)}).all())
    record_by_id |= dict(session.execute(select(*columns).where(col(EventRow.contact_id) == row.id)).all())
    redact_events(session, record_by_id.items())


def _erase_from_responses_and_deliveries(session: Session, row: ContactRow) -> None:
    responses = select(col(ResponseRow.id)).where(col(ResponseRow.contact_id) == row.id)
    deliveries = select(col(DeliveryRow.id)).where(col(DeliveryRow.contact_id) == row.id)
    is_finished = col(DeliveryRow.state).not_in(("pending", "running"))
    for statement in (
        update(ResponseRow).where(col(ResponseRow.contact_id) == row.id).values(comment=None, follow_up=[]),
        update(RevisionRow).where(col(RevisionRow.response_id).in_(responses)).values(comment=None, follow_up=[]),
        update(DecisionRow)
        .where(col(DecisionRow.contact_id) == row.id, col(DecisionRow.reason).in_(PERSONAL_REASONS))
        .values(detail=ERASED_DETAIL, previous_decisions=None),
        update(DeliveryRow).where(col(DeliveryRow.contact_id) == row.id, is_finished).values(payload=None),
        update(AttemptRow).where(col(AttemptRow.delivery_id).in_(deliveries)).values(exchange=None),
    ):
        session.execute(statement, execution_options={"synchronize_session": False})
    session.expire_all()
