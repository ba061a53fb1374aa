"""Explain: what happened to a person, an event or a delivery, in order, with the ids to follow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.flows.people import same_person, survivor
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

NEVER = datetime.min.replace(tzinfo=UTC)
MOST = 500
"""How many rows of one kind a story tells at most, the newest."""


@dataclass(frozen=True)
class Step:
    """One thing that happened.

    Attributes:
        at: when.
        what: event, decision, invitation, visit, response, delivery or suppression.
        id: in its table.
        told: one sentence without addresses.
        facts: the same for programs.
    """

    at: datetime
    what: str
    id: int
    told: str
    facts: dict[str, Any] = field(default_factory=dict)


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


def _in_order(steps: Iterable[Step]) -> tuple[Step, ...]:
    order = ("event", "decision", "invitation", "visit", "response", "delivery", "suppression")
    return tuple(sorted(steps, key=lambda step: (step.at, order.index(step.what), step.id)))


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
    tries = _rows(session, AttemptRow, *_in(AttemptRow.delivery_id, {row.id for row in deliveries}))
    named = {row.id: row.public_id for row in responses}
    return [
        *map(_event, events),
        *map(_decision, decisions),
        *map(_invitation, invitations),
        *map(_visit, visits),
        *(_revision(row, named[row.response_id]) for row in revisions),
        *(_provisional(row) for row in responses if row.revision == 0 and row.provisional_at is not None),
        *(_delivery(row, [one for one in tries if one.delivery_id == row.id]) for row in deliveries),
    ]


def _in(column: Any, ids: set[int]) -> tuple[Any, ...]:  # noqa: ANN401  # a column and a condition
    return (column.in_(ids),) if ids else ()


def _event(row: EventRow) -> Step:
    told = f"{row.kind} of {row.object_id} at {row.connection}, by {row.source}"
    waits = f"; {row.state}: {row.last_error or 'waits to be decided'}" if row.state in ("pending", "dead") else ""
    facts = {"key": row.key, "kind": row.kind, "connection": row.connection, "source": row.source, "state": row.state}
    return Step(row.received_at, "event", row.id or 0, told + waits, {**facts, "occurred_at": row.occurred_at})


def _decision(row: DecisionRow) -> Step:
    until = f"; next possible {row.eligible_at:%Y-%m-%d %H:%M} UTC" if row.eligible_at else ""
    told = f"{row.verdict} ({row.reason}) by {row.trigger}: {row.detail}{until}"
    names = ("event_id", "trigger", "survey", "verdict", "reason", "detail", "eligible_at")
    return Step(row.decided_at, "decision", row.id or 0, told, {name: getattr(row, name) for name in names})


def _invitation(row: InvitationRow) -> Step:
    when = f"sent {row.sent_at:%Y-%m-%d %H:%M} UTC" if row.sent_at else f"due {row.due_at:%Y-%m-%d %H:%M} UTC"
    reason = f" ({row.reason})" if row.reason else ""
    told = f"survey {row.survey} in {row.language}, {row.state}, {when}{reason}"
    names = (
        "event_id",
        "survey",
        "touchpoint",
        "trigger",
        "language",
        "state",
        "reason",
        "due_at",
        "sent_at",
        "expires_at",
    )
    return Step(row.created_at, "invitation", row.id or 0, told, {name: getattr(row, name) for name in names})


def _visit(row: VisitRow) -> Step:
    score = f", score {row.score} preselected" if row.score is not None else ""
    facts = {"invitation_id": row.invitation_id, "response_id": row.response_id, "purpose": row.purpose}
    told = f"{row.purpose} page opened ({row.method}){score}"
    return Step(row.at, "visit", row.id or 0, told, {**facts, "method": row.method, "score": row.score})


def _revision(row: RevisionRow, public_id: str) -> Step:
    comment = ", with a comment" if row.comment else ""
    told = f"score {row.score}{comment}, revision {row.revision} of {public_id}"
    facts = {"response": public_id, "revision": row.revision, "score": row.score, "sent": row.sent}
    return Step(row.at, "response", row.response_id, told, facts)


def _provisional(row: ResponseRow) -> Step:
    told = f"score {row.provisional_score}, provisional: nobody has confirmed it"
    facts = {"response": row.public_id, "revision": 0, "score": row.provisional_score}
    return Step(row.provisional_at or NEVER, "response", row.id or 0, told, facts)


def _delivery(row: DeliveryRow, tries: Sequence[AttemptRow]) -> Step:
    why = row.hold or row.last_error or row.receipt_note
    link = row.receipt_link or row.receipt_id
    told = f"{row.action} on {row.connection}: {row.state}"
    told += f" as {link}" if link else ""
    told += f" ({why.strip().splitlines()[-1][:200]})" if why and why.strip() else ""
    told += f"; due {row.due_at:%Y-%m-%d %H:%M} UTC" if row.state == "pending" else ""
    told += f"; {len(tries)} tries" if len(tries) > 1 else ""
    names = (
        "action",
        "connection",
        "state",
        "due_at",
        "hold",
        "last_error",
        "receipt_id",
        "receipt_link",
        "finished_at",
    )
    facts = {name: getattr(row, name) for name in (*names, "invitation_id", "response_id", "after_id")}
    facts["tries"] = [{"at": one.started_at, "outcome": one.outcome, "message": one.message} for one in tries]
    return Step(row.created_at, "delivery", row.id or 0, told, facts)


def _suppressions(session: Session, subjects: Sequence[str]) -> list[Step]:
    query = select(SuppressionRow).where(col(SuppressionRow.subject).in_(subjects))
    return [_suppression(row) for row in session.execute(query).scalars()]


def _suppression(row: SuppressionRow) -> Step:
    whose = "person" if row.subject.startswith("c:") else "mailbox"
    told = f"{row.reason}, told by {row.source}: no mail to this {whose}"
    return Step(row.created_at, "suppression", row.id or 0, told, {"reason": row.reason, "source": row.source})
