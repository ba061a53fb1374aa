"""Requests of people about their data: what is stored about a person, and the erasure with its receipt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Text, cast, func, select
from sqlmodel import Session, col

from nps_connect.ledger.subjects import mailbox_hash, person_subject
from nps_connect.ledger.suppressions import SuppressionRow
from nps_connect.ledger.tables import ContactRow, DeliveryRow
from nps_connect.records.base import mailbox_key
from nps_connect.services.contacts.store import build_contact, merged_contact_ids, surviving_contact
from nps_connect.services.context import Context, WakeRelay
from nps_connect.services.operations.explain import resolve_contacts
from nps_connect.services.suppressions.erasure import erase_contacts, export_contacts
from nps_connect.services.suppressions.store import ERASED, erasure_subjects
from nps_connect.services.suppressions.vendor_erasure import addresses_of, enqueue_vendor_erasures

SOURCE = "operator"


@dataclass(frozen=True)
class RequestSubject:
    """The person whom a request is about.

    Attributes:
        contacts: their contacts on all connections, with those that were merged.
        addresses: their addresses, as far as these are stored or were given.
    """

    contacts: Sequence[ContactRow]
    addresses: frozenset[str]


@dataclass(frozen=True)
class VendorErasure:
    """The delivery that erases a person at a vendor."""

    connection: str
    delivery: int
    state: str


@dataclass(frozen=True)
class RemainingRecord:
    """A record at a vendor that the product does not delete, for a person to decide about.

    Attributes:
        connection: where it is.
        kind: `contact` or `ticket`.
        id: the vendor's.
        link: to its page at the vendor, if known.
    """

    connection: str
    kind: str
    id: str
    link: str | None


@dataclass(frozen=True)
class ErasureReceipt:
    """What an erasure has done, and what cannot be recalled.

    Attributes:
        erased_at: when.
        contacts: the person's contacts, as ``connection:id``.
        mailboxes: addresses that stay suppressed by their hash.
        cancelled: deliveries that were cancelled.
        emptied: rows that were emptied, by the name of their table.
        at_vendors: deliveries that remove what was written at vendors.
        remaining: contacts and tickets at vendors.
        sent: mails and alerts that were sent, by action: they cannot be recalled.
    """

    erased_at: datetime
    contacts: tuple[str, ...]
    mailboxes: int
    cancelled: int
    emptied: dict[str, int]
    at_vendors: tuple[VendorErasure, ...]
    remaining: tuple[RemainingRecord, ...]
    sent: dict[str, int] = field(default_factory=dict)


def find_person(session: Session, reference: str, connections: Sequence[str]) -> RequestSubject:
    """Return the person that an e-mail address, a vendor id or ``connection:id`` means.

    An address means everybody who has it, also as a further address. Contacts of other connections with one of the
    person's addresses are the same person; on one connection, two contacts with one address are two people.

    Args:
        session: for reading.
        reference: the address or id.
        connections: the connections that an id may belong to.
    """
    is_address = "@" in reference
    named = [] if is_address else [reference.partition(":")[0]]  # it may have left the configuration
    rows = {row.id or 0: row for row in resolve_contacts(session, reference, [*connections, *named])}
    if is_address and not rows:
        rows = _with_merged(session, _find_by_further_address(session, reference))
    while True:
        addresses = {address for row in rows.values() for address in addresses_of(row)}
        names = {row.connection for row in rows.values()}
        hashes = sorted(map(mailbox_hash, addresses))
        same = select(ContactRow).where(col(ContactRow.mailbox).in_(hashes), col(ContactRow.connection).not_in(names))
        more = _with_merged(session, session.execute(same).scalars())
        if not more:
            break
        rows |= more
    contacts = [rows[row_id] for row_id in sorted(rows)]
    return RequestSubject(contacts, frozenset(addresses | ({reference.strip()} if is_address else set())))


def person_target(person: RequestSubject) -> str:
    """Return how the audit log names a person: by our own id, because a vendor's may be an address."""
    return person_subject(person.contacts[0].id or 0) if person.contacts else "a person without a contact"


def export_person(ctx: Context, session: Session, person: RequestSubject) -> dict[str, list[dict[str, Any]]]:
    """Return everything that is stored about a person, JSON-ready: rows by the name of their table."""
    return export_contacts(ctx, session, person.contacts, person.addresses)


def erase_person(ctx: Context, session: Session, person: RequestSubject) -> ErasureReceipt:
    """Erase a person here, and enqueue the erasure of what was written about them at vendors; return the receipt.

    Idempotent: a second erasure starts nothing anew that has succeeded or is still to be done.
    """
    remaining = tuple(_load_remaining(session, person))
    queue_names = enqueue_vendor_erasures(ctx, session, person.contacts)
    erased = erase_contacts(ctx, session, person.contacts, source=SOURCE, addresses=person.addresses)
    for queue_name in queue_names:
        ctx.wake(queue_name)
    return ErasureReceipt(
        erased_at=ctx.clock(),
        contacts=tuple(f"{row.connection}:{row.vendor_id}" for row in person.contacts),
        mailboxes=erased.mailboxes,
        cancelled=erased.cancelled,
        emptied=erased.emptied,
        at_vendors=tuple(_load_vendor_erasures(ctx, session, person)),
        remaining=remaining,
        sent=_count_sent(ctx, session, person),
    )


def load_erased_at(ctx: Context, session: Session, person: RequestSubject) -> datetime | None:
    """Return when one of the person's addresses was erased first; None if none was."""
    subjects = [name for address in person.addresses for name in erasure_subjects(ctx, mailbox_hash(address))]
    query = select(func.min(col(SuppressionRow.created_at))).where(
        col(SuppressionRow.subject).in_(subjects), col(SuppressionRow.reason) == ERASED
    )
    erased_at: datetime | None = session.execute(query).scalar()
    return erased_at


def preview_erasure(ctx: Context, session: Session, person: RequestSubject) -> ErasureReceipt:
    """Return the receipt that an erasure would have; nothing is changed."""
    savepoint = session.begin_nested()
    silent = replace(ctx, journal=ctx.journal.without_file(), wake=WakeRelay())
    receipt = erase_person(silent, session, person)
    savepoint.rollback()
    return receipt


def _with_merged(session: Session, contacts: Iterable[ContactRow]) -> dict[int, ContactRow]:
    ids: set[int] = set()
    for contact in list(contacts):
        ids.update(merged_contact_ids(session, surviving_contact(session, contact)))
    rows = session.execute(select(ContactRow).where(col(ContactRow.id).in_(ids))).scalars()
    return {row.id or 0: row for row in rows}


def _find_by_further_address(session: Session, address: str) -> list[ContactRow]:
    """Return contacts whose further addresses include this one: all contacts are read, for want of an index."""
    key = mailbox_key(address)
    named = select(ContactRow).where(func.lower(cast(col(ContactRow.record), Text)).contains(key, autoescape=True))
    rows = session.execute(named).scalars()
    return [row for row in rows if key in map(mailbox_key, addresses_of(row))]


def _contact_ids(person: RequestSubject) -> list[int]:
    return [row.id or 0 for row in person.contacts]


def _load_remaining(session: Session, person: RequestSubject) -> list[RemainingRecord]:
    contacts = [
        RemainingRecord(row.connection, "contact", row.vendor_id, build_contact(row).link) for row in person.contacts
    ]
    tickets = select(col(DeliveryRow.connection), col(DeliveryRow.receipt_id), col(DeliveryRow.receipt_link)).where(
        col(DeliveryRow.contact_id).in_(_contact_ids(person)),
        col(DeliveryRow.action) == "open_ticket",
        col(DeliveryRow.receipt_id).is_not(None),
    )
    opened = session.execute(tickets.order_by(col(DeliveryRow.id)))
    return contacts + [RemainingRecord(name, "ticket", ticket_id, link) for name, ticket_id, link in opened]


def _load_vendor_erasures(ctx: Context, session: Session, person: RequestSubject) -> list[VendorErasure]:
    """Return the newest erasure of each connection."""
    erasing = [spec.action for spec in ctx.actions.values() if spec.erases]
    query = select(col(DeliveryRow.connection), col(DeliveryRow.id), col(DeliveryRow.state)).where(
        col(DeliveryRow.contact_id).in_(_contact_ids(person)), col(DeliveryRow.action).in_(erasing)
    )
    rows = session.execute(query.order_by(col(DeliveryRow.id)))
    newest = {name: VendorErasure(name, delivery_id, state) for name, delivery_id, state in rows}
    return [newest[name] for name in sorted(newest)]


def _count_sent(ctx: Context, session: Session, person: RequestSubject) -> dict[str, int]:
    """Count by action what was sent to the person and to staff, or may have been."""
    actions: Collection[str] = [spec.action for spec in ctx.actions.values() if spec.is_message or spec.alarms_staff]
    query = select(col(DeliveryRow.action), col(DeliveryRow.state), col(DeliveryRow.in_doubt)).where(
        col(DeliveryRow.contact_id).in_(_contact_ids(person)), col(DeliveryRow.action).in_(actions)
    )
    rows = session.execute(query).all()
    counts = Counter(action for action, state, in_doubt in rows if state == "succeeded" or in_doubt)
    counts.pop("open_ticket", None)
    return dict(sorted(counts.items()))
