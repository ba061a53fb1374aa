"""Explain: what happened to a person, an event or a delivery, in order, with the ids to follow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.flows.contacts.people import same_person, survivor
from nps_connect.flows.intake.naming import find_named, subjects_asked
from nps_connect.flows.minding import steps
from nps_connect.flows.minding.steps import Step
from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.keeping import SuppressionRow
from nps_connect.ledger.subjects import mailbox_hash, subjects_of, vendor_id
from nps_connect.ledger.tables import (
    AttemptRow,
    ContactRow,
    CooldownRow,
    DecisionRow,
    DeliveryRow,
    EventRow,
    InvitationRow,
    ResponseRow,
    RevisionRow,
    VisitRow,
)

MOST = 500
"""How many rows of one kind a story tells at most, the newest."""


@dataclass(frozen=True)
class Story:
    """What happened, oldest first.

    Attributes:
        contacts: the persons meant, as connection and vendor id.
        steps: in order.
        suppressed: why nobody may write to them, or empty.
        eligible_at: when the cooldown lets the next survey through; none = now.
        left_out: of which things only the newest `MOST` are told.
    """

    contacts: tuple[str, ...]
    steps: tuple[Step, ...]
    suppressed: tuple[str, ...] = ()
    eligible_at: datetime | None = None
    left_out: tuple[str, ...] = ()


@dataclass
class _Ids:
    contacts: set[int] = field(default_factory=set)
    events: set[int] = field(default_factory=set)
    invitations: set[int] = field(default_factory=set)
    responses: set[int] = field(default_factory=set)
    deliveries: set[int] = field(default_factory=set)


def find_people(session: Session, asked: str, connections: Sequence[str]) -> list[ContactRow]:
    """The contacts that an e-mail address, a vendor id or ``connection:id`` may mean, merged ones included."""
    connection, colon, vendor_id = asked.partition(":")
    if "@" in asked:
        wanted = col(ContactRow.mailbox) == mailbox_hash(asked)
    elif colon and connection in connections:
        wanted = (col(ContactRow.connection) == connection) & (col(ContactRow.vendor_id) == vendor_id)
    else:
        wanted = col(ContactRow.connection).in_(connections) & (col(ContactRow.vendor_id) == asked)
    found = list(session.execute(select(ContactRow).where(wanted).order_by(col(ContactRow.id))).scalars())
    ids = {one for row in found for one in same_person(session, survivor(session, row))}
    return list(session.execute(select(ContactRow).where(col(ContactRow.id).in_(ids))).scalars())


def explain_person(
    session: Session,
    people: Sequence[ContactRow],
    *,
    now: datetime,
    connections: Sequence[str] = (),
    zone: tzinfo = UTC,
) -> Story:
    """A person's whole story, with the events that merely name them.

    Args:
        session: for reading.
        people: the contacts of one person.
        now: the present moment.
        connections: whose undecided events may name the person, beside the person's own.
        zone: in which times are told.
    """
    ids = _Ids(contacts={row.id or 0 for row in people})
    subjects = sorted({subject for row in people for subject in subjects_of(row.id or 0, row.mailbox)})
    names = {vendor_id(row.connection, row.vendor_id) for row in people}
    named = find_named(session, {*connections, *(row.connection for row in people)}, {*subjects, *names}, MOST)
    ours = col(EventRow.contact_id).is_(None) | col(EventRow.contact_id).in_(ids.contacts)
    ids.events |= set(session.execute(select(col(EventRow.id)).where(col(EventRow.id).in_(named), ours)).scalars())
    stops = _suppressions(session, subjects)
    until = session.execute(
        select(col(CooldownRow.until)).where(col(CooldownRow.subject).in_(subjects), col(CooldownRow.until) > now)
    ).scalars()
    teller = _Teller(session, zone)
    return Story(
        contacts=tuple(f"{row.connection}:{row.vendor_id}" for row in people),
        steps=_in_order([*teller.steps(ids), *stops]),
        suppressed=tuple(sorted({str(step.facts["reason"]) for step in stops})),
        eligible_at=max(until, default=None),
        left_out=teller.left_out,
    )


def explain_unknown(session: Session, asked: str, connections: Sequence[str], *, zone: tzinfo = UTC) -> Story:
    """What is known of an address or id that is no contact's: perhaps it is suppressed, or events name it.

    Args:
        session: for reading.
        asked: an e-mail address, a vendor id or ``connection:id``.
        connections: that the id may belong to, and whose undecided events may name it.
        zone: in which times are told.
    """
    subjects = subjects_asked(asked, connections)
    stops = _suppressions(session, subjects)
    teller = _Teller(session, zone)
    told = teller.steps(_Ids(events=find_named(session, connections, subjects, MOST)))
    why = tuple(sorted({str(step.facts["reason"]) for step in stops}))
    return Story((), _in_order([*told, *stops]), why, left_out=teller.left_out)


def explain_event(session: Session, event_id: int, *, zone: tzinfo = UTC) -> Story | None:
    """An event with all that came of it; none if there is no such event."""
    if session.get(EventRow, event_id) is None:
        return None
    ids = _Ids(events={event_id})
    ids.invitations |= _column(session, InvitationRow.id, InvitationRow.event_id, ids.events)
    ids.responses |= _column(session, ResponseRow.id, ResponseRow.invitation_id, ids.invitations)
    teller = _Teller(session, zone)
    return Story(_names(session, ids), _in_order(teller.steps(ids)), left_out=teller.left_out)


def explain_delivery(session: Session, delivery_id: int, *, zone: tzinfo = UTC) -> Story | None:
    """A delivery with what led to it; none if there is no such delivery."""
    row = session.get(DeliveryRow, delivery_id)
    if row is None:
        return None
    ids = _Ids(deliveries={delivery_id} | ({row.after_id} if row.after_id else set()))
    if row.response_id:
        ids.responses.add(row.response_id)
        ids.invitations |= _column(session, ResponseRow.invitation_id, ResponseRow.id, ids.responses)
    if row.invitation_id:
        ids.invitations.add(row.invitation_id)
    ids.events |= _column(session, InvitationRow.event_id, InvitationRow.id, ids.invitations)
    teller = _Teller(session, zone)
    told = _in_order(teller.steps(ids, only_deliveries=True))
    return Story(_names(session, ids), told, left_out=teller.left_out)


def _column(session: Session, wanted: Any, given: Any, ids: Iterable[int]) -> set[int]:  # noqa: ANN401  # columns
    return {one for one in session.execute(select(wanted).where(given.in_(ids))).scalars() if one is not None}


def _names(session: Session, ids: _Ids) -> tuple[str, ...]:
    contacts = _column(session, EventRow.contact_id, EventRow.id, ids.events)
    contacts |= _column(session, DeliveryRow.contact_id, DeliveryRow.id, ids.deliveries)
    rows = session.execute(select(ContactRow).where(col(ContactRow.id).in_(contacts))).scalars()
    return tuple(sorted(f"{row.connection}:{row.vendor_id}" for row in rows))


def _in_order(happened: Iterable[Step]) -> tuple[Step, ...]:
    return tuple(sorted(happened, key=lambda step: (step.at, steps.ORDER.index(step.what), step.id)))


@dataclass
class _Teller:
    """Reads the rows of a story and tells each; `cut` are the kinds of rows of which older ones are left out."""

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
            query = select(table).where(condition).order_by(table.id.desc()).limit(MOST + 1)
            found |= {row.id: row for row in self.session.execute(query).scalars()}
        if len(found) > MOST:
            self.cut.add(table.__tablename__.replace("_", " "))
        return [found[one] for one in sorted(found)[-MOST:]]

    def steps(self, ids: _Ids, *, only_deliveries: bool = False) -> list[Step]:
        """Every step of the events, contacts, invitations, responses and deliveries meant."""
        events = self._rows(EventRow, *_in(EventRow.contact_id, ids.contacts), *_in(EventRow.id, ids.events))
        decisions = self._rows(
            DecisionRow,
            *_in(DecisionRow.contact_id, ids.contacts),
            *_in(DecisionRow.event_id, {row.id for row in events}),
        )
        invitations = self._rows(
            InvitationRow, *_in(InvitationRow.contact_id, ids.contacts), *_in(InvitationRow.id, ids.invitations)
        )
        responses = self._rows(
            ResponseRow, *_in(ResponseRow.contact_id, ids.contacts), *_in(ResponseRow.id, ids.responses)
        )
        of_invitations, of_responses = {row.id for row in invitations}, {row.id for row in responses}
        visits = self._rows(
            VisitRow, *_in(VisitRow.invitation_id, of_invitations), *_in(VisitRow.response_id, of_responses)
        )
        revisions = self._rows(RevisionRow, *_in(RevisionRow.response_id, of_responses))
        chain = (
            _in(DeliveryRow.id, ids.deliveries)
            if only_deliveries
            else (
                *_in(DeliveryRow.contact_id, ids.contacts),
                *_in(DeliveryRow.invitation_id, of_invitations),
                *_in(DeliveryRow.response_id, of_responses),
            )
        )
        deliveries = self._rows(DeliveryRow, *chain)
        cases = self._rows(CaseRow, *_in(CaseRow.contact_id, ids.contacts), *_in(CaseRow.response_id, of_responses))
        tries = self._rows(AttemptRow, *_in(AttemptRow.delivery_id, {row.id for row in deliveries}))
        named, zone = {row.id: row.public_id for row in responses}, self.zone
        return [
            *map(steps.of_event, events),
            *(steps.of_decision(row, zone) for row in decisions),
            *(steps.of_invitation(row, zone) for row in invitations),
            *map(steps.of_visit, visits),
            *(steps.of_revision(row, named[row.response_id]) for row in revisions),
            *(step for row in cases for step in steps.of_case(row, zone)),
            *(steps.of_provisional(row) for row in responses if row.revision == 0 and row.provisional_at is not None),
            *(steps.of_delivery(row, [one for one in tries if one.delivery_id == row.id], zone) for row in deliveries),
        ]


def _in(column: Any, ids: set[int]) -> tuple[Any, ...]:  # noqa: ANN401  # a column and a condition
    return (column.in_(ids),) if ids else ()


def _suppressions(session: Session, subjects: Sequence[str]) -> list[Step]:
    query = select(SuppressionRow).where(col(SuppressionRow.subject).in_(subjects))
    return [steps.of_suppression(row) for row in session.execute(query).scalars()]
