"""Explain: what happened to a person, an event or a delivery, in order, with the ids to follow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.operational_tables import SuppressionRow
from nps_connect.ledger.subjects import contact_subjects, mailbox_hash, vendor_id_subject
from nps_connect.ledger.tables import (
    AttemptRow,
    ContactRow,
    CooldownRow,
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
"""How many rows of one kind a story tells at most, the newest."""


@dataclass(frozen=True)
class Timeline:
    """What happened, oldest first.

    Attributes:
        contacts: the persons meant, as connection and vendor id.
        steps: in order.
        suppressed: why nobody may write to them, or empty.
        eligible_at: when the cooldown lets the next survey through; none = now.
        left_out: of which things only the newest `MOST` are told.
    """

    contacts: tuple[str, ...]
    steps: tuple[TimelineEntry, ...]
    suppressed: tuple[str, ...] = ()
    eligible_at: datetime | None = None
    left_out: tuple[str, ...] = ()


@dataclass
class _RowIds:
    contacts: set[int] = field(default_factory=set)
    events: set[int] = field(default_factory=set)
    invitations: set[int] = field(default_factory=set)
    responses: set[int] = field(default_factory=set)
    deliveries: set[int] = field(default_factory=set)


def resolve_contacts(session: Session, asked: str, connections: Sequence[str]) -> list[ContactRow]:
    """The contacts that an e-mail address, a vendor id or ``connection:id`` may mean, merged ones included."""
    connection, colon, vendor_id = asked.partition(":")
    if "@" in asked:
        wanted = col(ContactRow.mailbox) == mailbox_hash(asked)
    elif colon and connection in connections:
        wanted = (col(ContactRow.connection) == connection) & (col(ContactRow.vendor_id) == vendor_id)
    else:
        wanted = col(ContactRow.connection).in_(connections) & (col(ContactRow.vendor_id) == asked)
    found = list(session.execute(select(ContactRow).where(wanted).order_by(col(ContactRow.id))).scalars())
    ids = {one for row in found for one in merged_contact_ids(session, surviving_contact(session, row))}
    return list(session.execute(select(ContactRow).where(col(ContactRow.id).in_(ids))).scalars())


def explain_person(
    session: Session,
    people: Sequence[ContactRow],
    *,
    now: datetime,
    connections: Sequence[str] = (),
    zone: tzinfo = UTC,
) -> Timeline:
    """A person's whole story, with the events that merely name them.

    Args:
        session: for reading.
        people: the contacts of one person.
        now: the present moment.
        connections: whose undecided events may name the person, beside the person's own.
        zone: in which times are told.
    """
    ids = _RowIds(contacts={row.id or 0 for row in people})
    subjects = sorted({subject for row in people for subject in contact_subjects(row.id or 0, row.mailbox)})
    names = {vendor_id_subject(row.connection, row.vendor_id) for row in people}
    named = find_event_ids(
        session, {*connections, *(row.connection for row in people)}, {*subjects, *names}, MAX_ROWS_PER_KIND
    )
    ours = col(EventRow.contact_id).is_(None) | col(EventRow.contact_id).in_(ids.contacts)
    ids.events |= set(session.execute(select(col(EventRow.id)).where(col(EventRow.id).in_(named), ours)).scalars())
    stops = _load_suppressions(session, subjects)
    until = session.execute(
        select(col(CooldownRow.until)).where(col(CooldownRow.subject).in_(subjects), col(CooldownRow.until) > now)
    ).scalars()
    teller = _TimelineBuilder(session, zone)
    return Timeline(
        contacts=tuple(f"{row.connection}:{row.vendor_id}" for row in people),
        steps=_sort_entries([*teller.steps(ids), *stops]),
        suppressed=tuple(sorted({str(step.facts["reason"]) for step in stops})),
        eligible_at=max(until, default=None),
        left_out=teller.left_out,
    )


def explain_unknown(session: Session, asked: str, connections: Sequence[str], *, zone: tzinfo = UTC) -> Timeline:
    """What is known of an address or id that is no contact's: perhaps it is suppressed, or events name it.

    Args:
        session: for reading.
        asked: an e-mail address, a vendor id or ``connection:id``.
        connections: that the id may belong to, and whose undecided events may name it.
        zone: in which times are told.
    """
    subjects = parse_subjects(asked, connections)
    stops = _load_suppressions(session, subjects)
    teller = _TimelineBuilder(session, zone)
    told = teller.steps(_RowIds(events=find_event_ids(session, connections, subjects, MAX_ROWS_PER_KIND)))
    why = tuple(sorted({str(step.facts["reason"]) for step in stops}))
    return Timeline((), _sort_entries([*told, *stops]), why, left_out=teller.left_out)


def explain_event(session: Session, event_id: int, *, zone: tzinfo = UTC) -> Timeline | None:
    """An event with all that came of it; none if there is no such event."""
    if session.get(EventRow, event_id) is None:
        return None
    ids = _RowIds(events={event_id})
    ids.invitations |= _load_column(session, InvitationRow.id, InvitationRow.event_id, ids.events)
    ids.responses |= _load_column(session, ResponseRow.id, ResponseRow.invitation_id, ids.invitations)
    teller = _TimelineBuilder(session, zone)
    return Timeline(_contact_names(session, ids), _sort_entries(teller.steps(ids)), left_out=teller.left_out)


def explain_delivery(session: Session, delivery_id: int, *, zone: tzinfo = UTC) -> Timeline | None:
    """A delivery with what led to it; none if there is no such delivery."""
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
    teller = _TimelineBuilder(session, zone)
    told = _sort_entries(teller.steps(ids, only_deliveries=True))
    return Timeline(_contact_names(session, ids), told, left_out=teller.left_out)


def _load_column(session: Session, wanted: Any, given: Any, ids: Iterable[int]) -> set[int]:  # noqa: ANN401  # columns
    return {one for one in session.execute(select(wanted).where(given.in_(ids))).scalars() if one is not None}


def _contact_names(session: Session, ids: _RowIds) -> tuple[str, ...]:
    contacts = _load_column(session, EventRow.contact_id, EventRow.id, ids.events)
    contacts |= _load_column(session, DeliveryRow.contact_id, DeliveryRow.id, ids.deliveries)
    rows = session.execute(select(ContactRow).where(col(ContactRow.id).in_(contacts))).scalars()
    return tuple(sorted(f"{row.connection}:{row.vendor_id}" for row in rows))


def _sort_entries(happened: Iterable[TimelineEntry]) -> tuple[TimelineEntry, ...]:
    return tuple(sorted(happened, key=lambda step: (step.at, timeline.ENTRY_ORDER.index(step.what), step.id)))


@dataclass
class _TimelineBuilder:
    """Reads the rows of a story and tells each; `truncate` are the kinds of rows of which older ones are left out."""

    session: Session
    zone: tzinfo
    cut: set[str] = field(default_factory=set)

    @property
    def left_out(self) -> tuple[str, ...]:
        return tuple(sorted(self.cut))

    def _rows(self, table: Any, *conditions: Any) -> list[Any]:  # noqa: ANN401  # any table, any condition
        """The newest rows that fulfil one of the conditions, each looked up by its own index."""
        found: dict[int, Any] = {}
        for condition in conditions:
            query = select(table).where(condition).order_by(table.id.desc()).limit(MAX_ROWS_PER_KIND + 1)
            found |= {row.id: row for row in self.session.execute(query).scalars()}
        if len(found) > MAX_ROWS_PER_KIND:
            self.cut.add(table.__tablename__.replace("_", " "))
        return [found[one] for one in sorted(found)[-MAX_ROWS_PER_KIND:]]

    def steps(self, ids: _RowIds, *, only_deliveries: bool = False) -> list[TimelineEntry]:
        """Every step of the events, contacts, invitations, responses and deliveries meant."""
        events = self._rows(EventRow, *_in_ids(EventRow.contact_id, ids.contacts), *_in_ids(EventRow.id, ids.events))
        decisions = self._rows(
            DecisionRow,
            *_in_ids(DecisionRow.contact_id, ids.contacts),
            *_in_ids(DecisionRow.event_id, {row.id for row in events}),
        )
        invitations = self._rows(
            InvitationRow, *_in_ids(InvitationRow.contact_id, ids.contacts), *_in_ids(InvitationRow.id, ids.invitations)
        )
        responses = self._rows(
            ResponseRow, *_in_ids(ResponseRow.contact_id, ids.contacts), *_in_ids(ResponseRow.id, ids.responses)
        )
        of_invitations, of_responses = {row.id for row in invitations}, {row.id for row in responses}
        visits = self._rows(
            PageViewRow,
            *_in_ids(PageViewRow.invitation_id, of_invitations),
            *_in_ids(PageViewRow.response_id, of_responses),
        )
        revisions = self._rows(RevisionRow, *_in_ids(RevisionRow.response_id, of_responses))
        chain = (
            _in_ids(DeliveryRow.id, ids.deliveries)
            if only_deliveries
            else (
                *_in_ids(DeliveryRow.contact_id, ids.contacts),
                *_in_ids(DeliveryRow.invitation_id, of_invitations),
                *_in_ids(DeliveryRow.response_id, of_responses),
            )
        )
        deliveries = self._rows(DeliveryRow, *chain)
        cases = self._rows(
            CaseRow, *_in_ids(CaseRow.contact_id, ids.contacts), *_in_ids(CaseRow.response_id, of_responses)
        )
        tries = self._rows(AttemptRow, *_in_ids(AttemptRow.delivery_id, {row.id for row in deliveries}))
        named, zone = {row.id: row.public_id for row in responses}, self.zone
        return [
            *map(timeline.event_entry, events),
            *(timeline.decision_entry(row, zone) for row in decisions),
            *(timeline.invitation_entry(row, zone) for row in invitations),
            *map(timeline.visit_entry, visits),
            *(timeline.revision_entry(row, named[row.response_id]) for row in revisions),
            *(step for row in cases for step in timeline.case_entries(row, zone)),
            *(
                timeline.provisional_entry(row)
                for row in responses
                if row.revision == 0 and row.provisional_at is not None
            ),
            *(
                timeline.delivery_entry(row, [one for one in tries if one.delivery_id == row.id], zone)
                for row in deliveries
            ),
        ]


def _in_ids(column: Any, ids: set[int]) -> tuple[Any, ...]:  # noqa: ANN401  # a column and a condition
    return (column.in_(ids),) if ids else ()


def _load_suppressions(session: Session, subjects: Sequence[str]) -> list[TimelineEntry]:
    query = select(SuppressionRow).where(col(SuppressionRow.subject).in_(subjects))
    return [timeline.suppression_entry(row) for row in session.execute(query).scalars()]
