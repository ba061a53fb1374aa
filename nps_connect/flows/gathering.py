"""Before deciding: everything that the ledger knows of the people of a batch of events, in a few queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta, tzinfo

from sqlalchemy import func, or_, select
from sqlmodel import Session, col

from nps_connect.flows.context import Context
from nps_connect.flows.people import remember
from nps_connect.ledger.keeping import SuppressionRow
from nps_connect.ledger.subjects import mailbox, mailbox_hash, person
from nps_connect.ledger.tables import ContactRow, CooldownRow, DecisionRow, EventRow, InvitationRow, ResponseRow
from nps_connect.ledger.upserts import insert_for
from nps_connect.records.contacts import Contact
from nps_connect.records.surveys import ContactHistory
from nps_connect.rules.judging import Books, Count, Person, Waiting
from nps_connect.rules.timing import at

COUNTED = ("planned", "sent", "shadow")
"""States of invitations that take room on their day."""

SEEN_EVERY = timedelta(hours=1)
"""A person who is seen more often than this is not written down again if nothing else changed."""

Key = tuple[str, str]
"""A person's connection and vendor id."""


def remember_all(session: Session, contacts: Iterable[Contact], now: datetime) -> dict[Key, ContactRow]:
    """Store what vendors tell of many people, as `remember` does for one; the rows by connection and vendor id."""
    told = {(contact.connection, contact.id): contact for contact in contacts}
    rows = _rows(session, told)
    missing = [_fresh(told[key], now) for key in sorted(told.keys() - rows.keys())]
    if missing:
        added = insert_for(session, ContactRow).on_conflict_do_nothing(index_elements=["connection", "vendor_id"])
        session.connection().execute(added, missing)
        rows = _rows(session, told)
    for key, contact in told.items():
        row = rows[key]
        if contact.merged_ids:
            remember(session, contact, now)
        elif now - row.seen_at >= SEEN_EVERY or _changed(row, contact):
            _note(row, contact, now)
    session.flush()
    return rows


def _rows(session: Session, told: dict[Key, Contact]) -> dict[Key, ContactRow]:
    ids: dict[str, list[str]] = defaultdict(list)
    for connection, vendor_id in told:
        ids[connection].append(vendor_id)
    found: dict[Key, ContactRow] = {}
    for connection, vendor_ids in ids.items():
        query = select(ContactRow).where(
            col(ContactRow.connection) == connection, col(ContactRow.vendor_id).in_(vendor_ids)
        )
        found |= {(row.connection, row.vendor_id): row for row in session.execute(query).scalars()}
    return found


def _fresh(contact: Contact, now: datetime) -> dict[str, object]:
    return {
        "connection": contact.connection,
        "vendor_id": contact.id,
        "email": contact.email,
        "mailbox": mailbox_hash(contact.email) if contact.email else None,
        "name": contact.name,
        "language": contact.language,
        "opted_out": contact.opted_out,
        "deleted_at": now if contact.deleted else None,
        "record": contact.model_dump(mode="json"),
        "seen_at": now,
    }


def _changed(row: ContactRow, contact: Contact) -> bool:
    if row.opted_out != contact.opted_out or (row.deleted_at is not None) != contact.deleted:
        return True
    return row.erased_at is None and row.record != contact.model_dump(mode="json")


def _note(row: ContactRow, contact: Contact, now: datetime) -> None:
    """An erased person keeps only the id: nothing personal is stored again."""
    row.seen_at = now
    row.opted_out = contact.opted_out
    row.deleted_at = (row.deleted_at or now) if contact.deleted else None
    if row.erased_at is None:
        fresh = _fresh(contact, now)
        for name in ("email", "mailbox", "name", "language", "record"):
            setattr(row, name, fresh[name])


def people_of(session: Session, rows: Iterable[ContactRow]) -> dict[int, Person]:
    """What the ledger knows of each of these contacts, by contact id."""
    known = {row.id or 0: row for row in rows}
    same = _same_people(session, known)
    everybody = {member for group in same.values() for member in group}
    subjects = {
        contact_id: tuple(sorted({person(member) for member in same[contact_id]} | _mailboxes(row)))
        for contact_id, row in known.items()
    }
    reasons = _suppressions(session, {subject for group in subjects.values() for subject in group})
    surveyed = _surveyed(session, everybody)
    answers = _answers(session, known)
    found = {}
    for contact_id in known:
        moments = [surveyed[member] for member in same[contact_id] if member in surveyed]
        count, score, answered_at = answers.get(contact_id, (0, None, None))
        why = sorted(reasons[subject] for subject in subjects[contact_id] if subject in reasons)
        found[contact_id] = Person(
            subjects=subjects[contact_id],
            suppressed=why[0] if why else None,
            history=ContactHistory(
                last_surveyed_at=max(moments, default=None),
                last_score=score,
                last_answered_at=answered_at,
                answers=count,
            ),
        )
    return found


def _mailboxes(row: ContactRow) -> set[str]:
    return {mailbox(row.mailbox)} if row.mailbox else set()


def _same_people(session: Session, known: Iterable[int]) -> dict[int, set[int]]:
    """Each contact with all who were merged into it."""
    groups = {contact_id: {contact_id} for contact_id in known}
    leads_to: dict[int, set[int]] = {contact_id: {contact_id} for contact_id in groups}
    frontier = set(groups)
    while frontier:
        query = select(col(ContactRow.id), col(ContactRow.merged_into)).where(col(ContactRow.merged_into).in_(frontier))
        merged = [(one, into) for one, into in session.execute(query).all() if one is not None and into is not None]
        frontier = set()
        for one, into in merged:
            grown = leads_to[into] - leads_to.get(one, set())
            if grown:
                leads_to.setdefault(one, set()).update(grown)
                frontier.add(one)
                for contact_id in grown:
                    groups[contact_id].add(one)
    return groups


def _suppressions(session: Session, subjects: Iterable[str]) -> dict[str, str]:
    query = select(col(SuppressionRow.subject), func.min(col(SuppressionRow.reason)))
    query = query.where(col(SuppressionRow.subject).in_(subjects)).group_by(col(SuppressionRow.subject))
    return dict(session.execute(query).all())


def _surveyed(session: Session, contact_ids: Iterable[int]) -> dict[int, datetime]:
    query = select(col(InvitationRow.contact_id), func.max(col(InvitationRow.sent_at)))
    query = query.where(col(InvitationRow.contact_id).in_(contact_ids), col(InvitationRow.sent_at).is_not(None))
    return dict(session.execute(query.group_by(col(InvitationRow.contact_id))).all())


def _answers(session: Session, contact_ids: Iterable[int]) -> dict[int, tuple[int, int | None, datetime | None]]:
    """How many confirmed answers each contact gave, and the newest one's score and moment."""
    query = (
        select(col(ResponseRow.contact_id), col(ResponseRow.score), col(ResponseRow.answered_at))
        .where(col(ResponseRow.contact_id).in_(contact_ids), col(ResponseRow.revision) > 0)
        .order_by(col(ResponseRow.answered_at), col(ResponseRow.id))
    )
    found: dict[int, tuple[int, int | None, datetime | None]] = {}
    for contact_id, score, answered_at in session.execute(query).all():
        found[contact_id] = (found.get(contact_id, (0, None, None))[0] + 1, score, answered_at)
    return found


def books_of(ctx: Context, session: Session, people: Iterable[Person]) -> Books:
    """The books as the ledger has them now, for these people."""
    now, limits, zone = ctx.clock(), ctx.settings.limits, ctx.settings.core.zone
    subjects = {subject for one in people for subject in one.subjects}
    books = Books(zone, due_counter(session, zone))
    query = select(col(CooldownRow.subject), col(CooldownRow.until))
    query = query.where(col(CooldownRow.subject).in_(subjects), col(CooldownRow.until) > now)
    books.until = dict(session.execute(query).all())
    if ctx.shadow:
        for subject, due in _shadows(session, subjects, now - limits.cooldown):
            books.until[subject] = max(due + limits.cooldown, books.until.get(subject, due))
    if limits.when_blocked == "defer":
        books.waiting = _waiting(session, subjects)
    reached = select(col(InvitationRow.trigger), col(InvitationRow.created_at)).where(
        col(InvitationRow.created_at) > now - limits.unusual_within, col(InvitationRow.state).in_(COUNTED)
    )
    for trigger, moment in session.execute(reached.order_by(col(InvitationRow.created_at))).all():
        books.reached.setdefault(trigger, []).append(moment)
    return books


def _waiting(session: Session, subjects: Iterable[str]) -> dict[str, Waiting]:
    """The newest event of each person that waits for the end of a cooldown."""
    ids = [int(subject[2:]) for subject in subjects if subject.startswith("c:")]
    query = (
        select(col(DecisionRow.contact_id), col(EventRow.occurred_at), col(EventRow.key))
        .join(EventRow, col(EventRow.id) == col(DecisionRow.event_id))
        .where(
            col(DecisionRow.contact_id).in_(ids),
            col(DecisionRow.verdict) == "deferred",
            col(DecisionRow.reason) == "cooldown",
        )
        .order_by(col(EventRow.occurred_at), col(EventRow.key))
    )
    found = session.execute(query).all()
    return {person(contact_id): Waiting(occurred_at, key) for contact_id, occurred_at, key in found}


def _shadows(session: Session, subjects: Iterable[str], since: datetime) -> list[tuple[str, datetime]]:
    """Surveys that were decided on but not sent, as if they had been: each with a subject that they cool down."""
    ids = [int(subject[2:]) for subject in subjects if subject.startswith("c:")]
    hashes = [subject[2:] for subject in subjects if subject.startswith("m:")]
    query = (
        select(col(InvitationRow.contact_id), col(ContactRow.mailbox), col(InvitationRow.due_at))
        .join(ContactRow, col(ContactRow.id) == col(InvitationRow.contact_id))
        .where(
            col(InvitationRow.state) == "shadow",
            col(InvitationRow.due_at) > since,
            or_(col(InvitationRow.contact_id).in_(ids), col(ContactRow.mailbox).in_(hashes)),
        )
    )
    found = []
    for contact_id, hashed, due in session.execute(query).all():
        found += [(person(contact_id), due)] + ([(mailbox(hashed), due)] if hashed else [])
    return found


def due_counter(session: Session, zone: tzinfo, *, created_before: datetime | None = None) -> Count:
    """Counts the surveys that are due (or were sent) on a calendar day of the company, of one trigger or of all."""

    def count(trigger: str | None, day: date) -> int:
        midnight = datetime.min.time()
        query = (
            select(func.count())
            .select_from(InvitationRow)
            .where(
                col(InvitationRow.due_at) >= at(day, midnight, zone),
                col(InvitationRow.due_at) < at(day + timedelta(days=1), midnight, zone),
                col(InvitationRow.state).in_(COUNTED),
            )
        )
        if trigger is not None:
            query = query.where(col(InvitationRow.trigger) == trigger)
        if created_before is not None:
            query = query.where(col(InvitationRow.created_at) < created_before)
        return int(session.execute(query).scalar_one())

    return count


def the_one(contacts: Sequence[Contact]) -> Key | None:
    """The one person of an event, or none."""
    return (contacts[0].connection, contacts[0].id) if len(contacts) == 1 else None
