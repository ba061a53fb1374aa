"""Explain a person, an event or a delivery: everything that happened, in order, with ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.cases import CaseEntryRow, CaseRow
from nps_connect.ledger.cooldowns import CooldownRow
from nps_connect.ledger.subjects import contact_subjects, mailbox_hash, vendor_id_subject
from nps_connect.ledger.suppressions import SuppressionRow
from nps_connect.ledger.tables import (
    AttemptRow,
    ContactRow,
    DecisionRow,
    DeliveryRow,
    EventRow,
    InvitationRow,
    PageViewRow,
    ResponseRow,
    RevisionRow,
)
from nps_connect.services.contacts.event_subjects import find_event_ids, parse_subjects
from nps_connect.services.contacts.store import merged_contact_ids, surviving_contact
from nps_connect.services.operations import timeline
from nps_connect.services.operations.timeline import TimelineEntry

MAX_ROWS_PER_KIND = 500
"""Rows of one table in a timeline at most: the newest."""


@dataclass(frozen=True)
class Timeline:
    """What happened, oldest first.

    Attributes:
        contacts: the contacts involved, as ``connection:id``.
        entries: in order.
        suppressed: reasons why the person must not be contacted; empty if there is none.
        eligible_at: when the cooldown ends; None without a cooldown.
        truncated: tables of which only the newest `MAX_ROWS_PER_KIND` rows are included.
    """

    contacts: tuple[str, ...]
    entries: tuple[TimelineEntry, ...]
    suppressed: tuple[str, ...] = ()
    eligible_at: datetime | None = None
    truncated: tuple[str, ...] = ()


@dataclass
class _RowIds:
    contacts: set[int] = field(default_factory=set)
    events: set[int] = field(default_factory=set)
    invitations: set[int] = field(default_factory=set)
    responses: set[int] = field(default_factory=set)
    deliveries: set[int] = field(default_factory=set)


def resolve_contacts(session: Session, reference: str, connections: Sequence[str]) -> list[ContactRow]:
    """Return the contacts that an e-mail address, a vendor id or ``connection:id`` may mean, merged ones included."""
    connection, colon, vendor_id = reference.partition(":")
    if "@" in reference:
        condition = col(ContactRow.mailbox) == mailbox_hash(reference)
    elif colon and connection in connections:
        condition = (col(ContactRow.connection) == connection) & (col(ContactRow.vendor_id) == vendor_id)
    else:
        condition = col(ContactRow.connection).in_(connections) & (col(ContactRow.vendor_id) == reference)
    rows = list(session.execute(select(ContactRow).where(condition).order_by(col(ContactRow.id))).scalars())
    ids = {contact_id for row in rows for contact_id in merged_contact_ids(session, surviving_contact(session, row))}
    return list(session.execute(select(ContactRow).where(col(ContactRow.id).in_(ids))).scalars())


def explain_person(
    session: Session,
    contacts: Sequence[ContactRow],
    *,
    now: datetime,
    connections: Sequence[str] = (),
    zone: tzinfo = UTC,
) -> Timeline:
    """Explain everything about a person, including undecided events that merely name them.

    Args:
        session: for reading.
        contacts: all contacts of the person.
        now: the present moment.
        connections: connections whose events may name the person, besides those of `contacts`.
        zone: of the times in the texts.
    """
    ids = _RowIds(contacts={row.id or 0 for row in contacts})
    subjects = sorted({subject for row in contacts for subject in contact_subjects(row.id or 0, row.mailbox)})
    vendor_ids = {vendor_id_subject(row.connection, row.vendor_id) for row in contacts}
    named_in = find_event_ids(
        session, {*connections, *(row.connection for row in contacts)}, {*subjects, *vendor_ids}, MAX_ROWS_PER_KIND
    )
    is_theirs = col(EventRow.contact_id).is_(None) | col(EventRow.contact_id).in_(ids.contacts)
    events = select(col(EventRow.id)).where(col(EventRow.id).in_(named_in), is_theirs)
    ids.events |= set(session.execute(events).scalars())
    cooldowns = select(col(CooldownRow.until)).where(
        col(CooldownRow.subject).in_(subjects), col(CooldownRow.until) > now
    )
    return _build_timeline(
        session,
        zone,
        ids,
        contacts=tuple(f"{row.connection}:{row.vendor_id}" for row in contacts),
        suppressions=_load_suppressions(session, subjects),
        eligible_at=max(session.execute(cooldowns).scalars(), default=None),
    )


def explain_unknown(session: Session, reference: str, connections: Sequence[str], *, zone: tzinfo = UTC) -> Timeline:
    """Explain an address or id without a contact: it may be suppressed, or named in events.

    Args:
        session: for reading.
        reference: an e-mail address, a vendor id or ``connection:id``.
        connections: connections that the id may belong to, and whose events may name it.
        zone: of the times in the texts.
    """
    subjects = parse_subjects(reference, connections)
    ids = _RowIds(events=find_event_ids(session, connections, subjects, MAX_ROWS_PER_KIND))
    return _build_timeline(session, zone, ids, contacts=(), suppressions=_load_suppressions(session, subjects))


def explain_event(session: Session, event_id: int, *, zone: tzinfo = UTC) -> Timeline | None:
    """Explain an event and everything that followed from it; return None if there is no such event."""
    if session.get(EventRow, event_id) is None:
        return None
    ids = _RowIds(events={event_id})
    ids.invitations |= _load_column(session, InvitationRow.id, InvitationRow.event_id, ids.events)
    ids.responses |= _load_column(session, ResponseRow.id, ResponseRow.invitation_id, ids.invitations)
    return _build_timeline(session, zone, ids)


def explain_response(session: Session, response_id: int, *, zone: tzinfo = UTC) -> Timeline:
    """Explain a response: what led to it and everything that followed from it."""
    ids = _RowIds(responses={response_id})
    ids.invitations |= _load_column(session, ResponseRow.invitation_id, ResponseRow.id, ids.responses)
    ids.events |= _load_column(session, InvitationRow.event_id, InvitationRow.id, ids.invitations)
    return _build_timeline(session, zone, ids)


def explain_delivery(session: Session, delivery_id: int, *, zone: tzinfo = UTC) -> Timeline | None:
    """Explain a delivery and everything that led to it; return None if there is no such delivery."""
    row = session.get(DeliveryRow, delivery_id)
    if row is None:
        return None
    ids = _RowIds(deliveries={delivery_id} | ({row.depends_on_id} if row.depends_on_id else set()))
    if row.response_id:
        ids.responses.add(row.response_id)
        ids.invitations |= _load_column(session, ResponseRow.invitation_id, ResponseRow.id, ids.responses)
    if row.invitation_id:
        ids.invitations.add(row.invitation_id)
    ids.events |= _load_column(session, InvitationRow.event_id, InvitationRow.id, ids.invitations)
    return _build_timeline(session, zone, ids, only_these_deliveries=True)


def _load_column(session: Session, column: Any, key: Any, ids: Iterable[int]) -> set[int]:  # noqa: ANN401  # columns
    values = session.execute(select(column).where(key.in_(ids))).scalars()
    return {value for value in values if value is not None}


def _contact_names(session: Session, ids: _RowIds) -> tuple[str, ...]:
    contact_ids = _load_column(session, EventRow.contact_id, EventRow.id, ids.events)
    contact_ids |= _load_column(session, DeliveryRow.contact_id, DeliveryRow.id, ids.deliveries)
    rows = session.execute(select(ContactRow).where(col(ContactRow.id).in_(contact_ids))).scalars()
    return tuple(sorted(f"{row.connection}:{row.vendor_id}" for row in rows))


def _load_suppressions(session: Session, subjects: Sequence[str]) -> list[TimelineEntry]:
    query = select(SuppressionRow).where(col(SuppressionRow.subject).in_(subjects))
    return [timeline.suppression_entry(row) for row in session.execute(query).scalars()]


def _build_timeline(
    session: Session,
    zone: tzinfo,
    ids: _RowIds,
    *,
    contacts: tuple[str, ...] | None = None,
    suppressions: Sequence[TimelineEntry] = (),
    eligible_at: datetime | None = None,
    only_these_deliveries: bool = False,
) -> Timeline:
    """Load the rows and sort their entries; without `contacts`, those of the events and deliveries are named."""
    rows = _RowLoader(session)
    entries = [*_load_entries(rows, ids, zone, only_these_deliveries=only_these_deliveries), *suppressions]
    entries.sort(key=lambda entry: (entry.at, timeline.ENTRY_ORDER.index(entry.kind), entry.id))
    return Timeline(
        contacts=_contact_names(session, ids) if contacts is None else contacts,
        entries=tuple(entries),
        suppressed=tuple(sorted({str(entry.facts["reason"]) for entry in suppressions})),
        eligible_at=eligible_at,
        truncated=tuple(sorted(rows.truncated)),
    )


@dataclass
class _RowLoader:
    """Loads rows of a timeline; `truncated` names the tables that have more rows than were loaded."""

    session: Session
    truncated: set[str] = field(default_factory=set)

    def load(self, table: Any, *keys: tuple[Any, set[int]]) -> list[Any]:  # noqa: ANN401  # any table
        """Load the newest rows that match one of the keys, each looked up by its own index."""
        row_by_id: dict[int, Any] = {}
        for column, ids in keys:
            if ids:
                query = select(table).where(column.in_(ids)).order_by(table.id.desc()).limit(MAX_ROWS_PER_KIND + 1)
                row_by_id |= {row.id: row for row in self.session.execute(query).scalars()}
        if len(row_by_id) > MAX_ROWS_PER_KIND:
            self.truncated.add(table.__tablename__.replace("_", " "))
        return [row_by_id[row_id] for row_id in sorted(row_by_id)[-MAX_ROWS_PER_KIND:]]


def _load_entries(rows: _RowLoader, ids: _RowIds, zone: tzinfo, *, only_these_deliveries: bool) -> list[TimelineEntry]:
    """Load the entries of these rows and of what followed from them."""
    events = rows.load(EventRow, (EventRow.contact_id, ids.contacts), (EventRow.id, ids.events))
    event_ids = {row.id for row in events}
    decisions = rows.load(DecisionRow, (DecisionRow.contact_id, ids.contacts), (DecisionRow.event_id, event_ids))
    invitations = rows.load(
        InvitationRow, (InvitationRow.contact_id, ids.contacts), (InvitationRow.id, ids.invitations)
    )
    responses = rows.load(ResponseRow, (ResponseRow.contact_id, ids.contacts), (ResponseRow.id, ids.responses))
    public_ids = {row.id: row.public_id for row in responses}
    response_by_invitation = {row.invitation_id: row for row in responses}
    invitation_ids, response_ids = {row.id for row in invitations}, set(public_ids)
    visits = rows.load(
        PageViewRow, (PageViewRow.invitation_id, invitation_ids), (PageViewRow.response_id, response_ids)
    )
    revisions = rows.load(RevisionRow, (RevisionRow.response_id, response_ids))
    related = (
        (DeliveryRow.contact_id, ids.contacts),
        (DeliveryRow.invitation_id, invitation_ids),
        (DeliveryRow.response_id, response_ids),
    )
    deliveries = rows.load(DeliveryRow, *([(DeliveryRow.id, ids.deliveries)] if only_these_deliveries else related))
    cases = rows.load(CaseRow, (CaseRow.contact_id, ids.contacts), (CaseRow.response_id, response_ids))
    case_work = rows.load(CaseEntryRow, (CaseEntryRow.case_id, {row.id for row in cases}))
    attempts = rows.load(AttemptRow, (AttemptRow.delivery_id, {row.id for row in deliveries}))
    return [
        *map(timeline.event_entry, events),
        *(timeline.decision_entry(row, zone) for row in decisions),
        *(timeline.invitation_entry(row, zone, response_by_invitation.get(row.id or 0)) for row in invitations),
        *map(timeline.visit_entry, visits),
        *(timeline.revision_entry(row, public_ids[row.response_id]) for row in revisions),
        *(entry for row in cases for entry in timeline.case_entries(row, zone)),
        *(timeline.case_work_entry(row, zone) for row in case_work if row.kind != "solved"),
        *map(timeline.provisional_entry, (row for row in responses if row.revision == 0 and row.provisional_at)),
        *(
            timeline.delivery_entry(row, [attempt for attempt in attempts if attempt.delivery_id == row.id], zone)
            for row in deliveries
        ),
    ]
