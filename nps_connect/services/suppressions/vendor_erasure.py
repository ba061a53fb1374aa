"""Erasure at vendors: what deliveries have written there about a person is removed by deliveries of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.tables import ContactRow, DeliveryRow
from nps_connect.services.contacts.contact_batch import load_merged_groups
from nps_connect.services.context import Context
from nps_connect.services.deliveries.factory import NewDelivery, enqueue_deliveries

ABANDONED_STATES = ("dead", "cancelled")
CONTACT_IDS, EMAILS = "contact_ids", "emails"
"""Options of a delivery: whom it erases. They are emptied when it has ended."""


def enqueue_vendor_erasures(
    ctx: Context, session: Session, contacts: Sequence[ContactRow], *, except_for: Collection[str] = ()
) -> set[str]:
    """Enqueue an erasure of one person on every connection that can carry it out; return the queues with new work.

    Called before the person is erased here, which removes the addresses. Where one is enqueued or done already, there
    is no second one. Deliveries that are being carried out may still write something: the erasure is due after them.

    Args:
        ctx: the application context.
        session: the transaction.
        contacts: contacts of the person, on any connection; those that were merged into them are included.
        except_for: connections that have erased the person themselves.
    """
    spec, now = ctx.actions["erase_contact"], ctx.clock()
    targets = [name for name in ctx.connections if name not in except_for and ctx.carries_out(name, spec)]
    if not contacts or not targets:
        return set()
    ids = set().union(*load_merged_groups(session, [row.id or 0 for row in contacts]).values())
    rows = session.execute(select(ContactRow).where(col(ContactRow.id).in_(ids))).scalars().all()
    deliveries = select(
        col(DeliveryRow.connection), col(DeliveryRow.action), col(DeliveryRow.state), col(DeliveryRow.receipt_id)
    ).where(col(DeliveryRow.contact_id).in_(ids))
    vendor_ids: dict[str, set[str]] = defaultdict(set)
    due_at, arranged = now, set()
    for connection, action, state, receipt_id in session.execute(deliveries):
        if receipt_id and ctx.actions[action].contact_lookup == "target":  # the receipt is the contact that has it
            vendor_ids[connection].add(receipt_id)
        if action == spec.action and state not in ABANDONED_STATES:
            arranged.add(connection)
        if state == "running":
            due_at = now + ctx.settings.delivery.deadline
    for row in rows:
        vendor_ids[row.connection].add(row.vendor_id)
    emails = sorted({email for row in rows for email in addresses_of(row)})
    erasures = [
        NewDelivery(
            connection=name,
            action=spec.action,
            subject=ctx.new_public_id(),
            due_at=due_at,
            contact_id=contacts[0].id,
            options={CONTACT_IDS: sorted(vendor_ids[name]), EMAILS: [] if vendor_ids[name] else emails},
        )
        for name in targets
        if name not in arranged and (vendor_ids[name] or emails)
    ]
    return enqueue_deliveries(session, erasures, now).queue_names


def addresses_of(contact: ContactRow) -> list[str]:
    """Return the addresses of a stored contact, the primary one first."""
    return [*([contact.email] if contact.email else []), *(contact.record or {}).get("other_emails", ())]
