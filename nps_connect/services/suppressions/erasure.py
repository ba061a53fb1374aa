"""Forget what is personal in events, and in the traces that a person left behind; ids, hashes and figures stay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
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
from nps_connect.services.contacts.event_subjects import find_event_ids
from nps_connect.services.suppressions.store import suppress

MAX_NAMED_EVENTS = 10_000
ERASED_DETAIL = "forgotten with the person"
PERSONAL_REASONS = ("filter", "veto", "surveyed")
"""Reasons whose sentence holds values of the person, or what a plugin says of them."""

_KEPT_FIELDS = ("key", "kind", "object_id", "occurred_at")


def redact_event_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """An event's record with ids only: no address, no name, no field."""
    key = record.get("contact_key")
    contacts = [{"connection": one["connection"], "id": one["id"]} for one in record.get("contacts") or []]
    kept = {name: record[name] for name in _KEPT_FIELDS}
    return kept | {"contact_key": key if key and key["kind"] != "email" else None, "contacts": contacts}


def redact_events(session: Session, events: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
    """Leave ids only in these events, each given with its record."""
    values = [{"of_id": event_id, "to_record": redact_event_record(record)} for event_id, record in events]
    if values:
        bare = EventRow.__table__  # type: ignore[attr-defined]
        written = bindparam("to_record", type_=bare.c.record.type)
        statement = update(bare).where(bare.c.id == bindparam("of_id")).values(record=written)
        session.connection().execute(statement, values)


def erase_contact(session: Session, row: ContactRow, now: datetime) -> None:
    """Erase a contact. Ids and hashed subjects stay, so that the person is never contacted again."""
    suppress(session, contact_subjects(row.id or 0, row.mailbox), "erased", source="vendor", now=now)
    erase_personal_data(session, row)
    row.erased_at = row.erased_at or now
    row.email = row.name = row.language = row.mailbox = None
    row.record = {}


def erase_personal_data(session: Session, row: ContactRow) -> None:
    """Forget a person in events (also in those that only name them), comments, decisions, mails and exchanges."""
    erase_from_events(session, row)
    own = {"contact": row.id}
    responses = select(col(ResponseRow.id)).where(col(ResponseRow.contact_id) == bindparam("contact"))
    mine = select(col(DeliveryRow.id)).where(col(DeliveryRow.contact_id) == bindparam("contact"))
    ended = col(DeliveryRow.state).not_in(("pending", "running"))
    for statement in (
        update(ResponseRow)
        .where(col(ResponseRow.contact_id) == bindparam("contact"))
        .values(comment=None, follow_up=[]),
        update(RevisionRow).where(col(RevisionRow.response_id).in_(responses)).values(comment=None, follow_up=[]),
        update(DecisionRow)
        .where(col(DecisionRow.contact_id) == bindparam("contact"), col(DecisionRow.reason).in_(PERSONAL_REASONS))
        .values(detail=ERASED_DETAIL, earlier=None),
        update(DeliveryRow).where(col(DeliveryRow.contact_id) == bindparam("contact"), ended).values(payload=None),
        update(AttemptRow).where(col(AttemptRow.delivery_id).in_(mine)).values(exchange=None),
    ):
        session.execute(statement, own, execution_options={"synchronize_session": False})
    session.expire_all()


def erase_from_events(session: Session, row: ContactRow) -> None:
    """Forget a person in the events that are about them or name them."""
    session.flush()
    subjects = [*contact_subjects(row.id or 0, row.mailbox), vendor_id_subject(row.connection, row.vendor_id)]
    named = find_event_ids(session, [row.connection], subjects, MAX_NAMED_EVENTS)
    columns = col(EventRow.id), col(EventRow.record)
    query = select(*columns).where(in_list(col(EventRow.id), "ids"), col(EventRow.contact_id).is_(None))
    found = dict(session.execute(query, {"ids": list(named)}).all())
    found |= dict(session.execute(select(*columns).where(col(EventRow.contact_id) == row.id)).all())
    redact_events(session, found.items())
