"""Create events by hand."""

from __future__ import annotations

from sqlalchemy import select
from sqlmodel import col

from nps_connect.ledger.columns import decide_queue
from nps_connect.ledger.subjects import mailbox_hash
from nps_connect.ledger.tables import EventRow
from nps_connect.records.base import FieldValue
from nps_connect.records.contacts import ContactKey
from nps_connect.records.events import Event, fact_key
from nps_connect.services.context import Context
from nps_connect.services.intake.store_events import store_events


def create_manual_event(
    ctx: Context,
    connection: str,
    kind: str,
    *,
    contact: ContactKey,
    object_id: str | None,
    fields: dict[str, FieldValue],
) -> tuple[int, bool]:
    """Store an event created by hand; return its id and whether it is new.

    Args:
        ctx: the joined parts.
        connection: the connection to which it is attributed.
        kind: of event.
        contact: the person, looked up at the connection.
        object_id: id of the object; if None, the contact's id, or an id made from a hash of the address.
        fields: for filters, in addition to what the vendor knows.
    """
    now = ctx.clock()
    contact_id = f"by-hand-{mailbox_hash(contact.value)[:16]}" if contact.kind == "email" else contact.value
    subject = object_id or contact_id
    event = Event(
        key=f"manual:{fact_key(kind, subject, now)}"[:400],
        kind=kind,
        object_id=subject[:200],
        occurred_at=now,
        contact_key=contact,
        fields=fields,
    )
    with ctx.ledger.write() as session:
        new_keys = store_events(ctx, session, connection, [event], source="manual").new
        query = select(col(EventRow.id)).where(col(EventRow.connection) == connection, col(EventRow.key) == event.key)
        event_id = int(session.execute(query).scalar_one())
    ctx.wake(decide_queue(connection))
    return event_id, bool(new_keys)
