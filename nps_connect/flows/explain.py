"""Explain: what happened to a person, an event or a delivery, in order, with the ids to follow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.flows import steps
from nps_connect.flows.people import same_person, survivor
from nps_connect.flows.steps import Step
from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.keeping import SuppressionRow
from nps_connect.ledger.subjects import mailbox, mailbox_hash, subjects_of
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
    """

    contacts: tuple[str, ...]
    steps: tuple[Step, ...]
    suppressed: tuple[str, ...] = ()
    eligible_at: datetime | None = None


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


def explain_person(session: Session, people: Sequence[ContactRow], *, now: datetime) -> Story:
    """A person's whole story."""
    ids = _Ids(contacts={row.id or 0 for row in people})
    subjects = sorted({subject for row in people for subject in subjects_of(row.id or 0, row.mailbox)})
    stops = _suppressions(session, subjects)
    until = session.execute(
        select(col(CooldownRow.until)).where(col(CooldownRow.subject).in_(subjects), col(CooldownRow.until) > now)
    ).scalars()
    return Story(
        contacts=tuple(f"{row.connection}:{row.vendor_id}" for row in people),
        steps=_in_order([*_steps(session, ids), *stops]),
        suppressed=tuple(sorted({str(step.facts["reason"]) for step in stops})),
        eligible_at=max(until, default=None),
    )


def explain_address(session: Session, email: str) -> Story:
    """What is known of an address that belongs to nobody we know: perhaps it is suppressed."""
    stops = _suppressions(session, [mailbox(mailbox_hash(email))])
    return Story((), _in_order(stops), tuple(sorted({str(step.facts["reason"]) for step in stops})))


def explain_event(session: Session, event_id: int) -> Story | None:
    """An event with all that came of it; none if there is no such event."""
    if session.get(EventRow, event_id) is None:
        return None
    ids = _Ids(events={event_id})
    ids.invitations |= _column(session, InvitationRow.id, InvitationRow.event_id, ids.events)
    ids.responses |= _column(session, ResponseRow.id, ResponseRow.invitation_id, ids.invitations)
    return Story(_names(session, ids), _in_order(_steps(session, ids)))


def explain_delivery(session: Session, delivery_id: int) -> Story | None:
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
    return Story(_names(session, ids), _in_order(_steps(session, ids, only_deliveries=True)))


def _column(session: Session, wanted: Any, given: Any, ids: Iterable[int]) -> set[int]:  # noqa: ANN401  # columns
    return {one for one in session.execute(select(wanted).where(given.in_(ids))).scalars() if one is not None}


def _names(session: Session, ids: _Ids) -> tuple[str, ...]:
    contacts = _column(session, EventRow.contact_id, EventRow.id, ids.events)
    contacts |= _column(session, DeliveryRow.contact_id, DeliveryRow.id, ids.deliveries)
    rows = session.execute(select(ContactRow).where(col(ContactRow.id).in_(contacts))).scalars()
    return tuple(sorted(f"{row.connection}:{row.vendor_id}" for row in rows))


def _in_order(happened: Iterable[Step]) -> tuple[Step, ...]:
    return tuple(sorted(happened, key=lambda step: (step.at, steps.ORDER.index(step.what), step.id)))


def _rows(session: Session, table: Any, *conditions: Any) -> list[Any]:  # noqa: ANN401  # any table, any condition
    """The newest rows that fulfil one of the conditions, each looked up by its own index."""
    found: dict[int, Any] = {}
    for condition in conditions:
        query = select(table).where(condition).order_by(table.id.desc()).limit(MOST)
        found |= {row.id: row for row in session.execute(query).scalars()}
    return [found[one] for one in sorted(found)[-MOST:]]


def _steps(session: Session, ids: _Ids, *, only_deliveries: bool = False) -> list[Step]:
    events = _rows(session, EventRow, *_in(EventRow.contact_id, ids.contacts), *_in(EventRow.id, ids.events))
    decisions = _rows(
        session,
        DecisionRow,
        *_in(DecisionRow.contact_id, ids.contacts),
        *_in(DecisionRow.event_id, {row.id for row in events}),
    )
    invitations = _rows(
        session, InvitationRow, *_in(InvitationRow.contact_id, ids.contacts), *_in(InvitationRow.id, ids.invitations)
    )
    responses = _rows(
        session, ResponseRow, *_in(ResponseRow.contact_id, ids.contacts), *_in(ResponseRow.id, ids.responses)
    )
    of_invitations, of_responses = {row.id for row in invitations}, {row.id for row in responses}
    visits = _rows(
        session, VisitRow, *_in(VisitRow.invitation_id, of_invitations), *_in(VisitRow.response_id, of_responses)
    )
    revisions = _rows(session, RevisionRow, *_in(RevisionRow.response_id, of_responses))
    chain = (
        _in(DeliveryRow.id, ids.deliveries)
        if only_deliveries
        else (
            *_in(DeliveryRow.contact_id, ids.contacts),
            *_in(DeliveryRow.invitation_id, of_invitations),
            *_in(DeliveryRow.response_id, of_responses),
        )
    )
    deliveries = _rows(session, DeliveryRow, *chain)
    cases = _rows(session, CaseRow, *_in(CaseRow.contact_id, ids.contacts), *_in(CaseRow.response_id, of_responses))
    tries = _rows(session, AttemptRow, *_in(AttemptRow.delivery_id, {row.id for row in deliveries}))
    named = {row.id: row.public_id for row in responses}
    return [
        *map(steps.of_event, events),
        *map(steps.of_decision, decisions),
        *map(steps.of_invitation, invitations),
        *map(steps.of_visit, visits),
        *(steps.of_revision(row, named[row.response_id]) for row in revisions),
        *(step for row in cases for step in steps.of_case(row)),
        *(steps.of_provisional(row) for row in responses if row.revision == 0 and row.provisional_at is not None),
        *(steps.of_delivery(row, [one for one in tries if one.delivery_id == row.id]) for row in deliveries),
    ]


def _in(column: Any, ids: set[int]) -> tuple[Any, ...]:  # noqa: ANN401  # a column and a condition
    return (column.in_(ids),) if ids else ()


def _suppressions(session: Session, subjects: Sequence[str]) -> list[Step]:
    query = select(SuppressionRow).where(col(SuppressionRow.subject).in_(subjects))
    return [steps.of_suppression(row) for row in session.execute(query).scalars()]
