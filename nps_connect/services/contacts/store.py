"""What the ledger knows of people: remember, follow merges, forget."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import select, update
from sqlmodel import Session, col

from nps_connect.ledger.operational_tables import SuppressionRow
from nps_connect.ledger.subjects import contact_subjects, mailbox_hash
from nps_connect.ledger.tables import ContactRow, ResponseRow
from nps_connect.records.contacts import Contact
from nps_connect.records.responses import NPS_SCALE, EarlierResponse
from nps_connect.records.surveys import ContactHistory

MAX_HISTORY = 10


def upsert_contact(session: Session, contact: Contact, now: datetime) -> ContactRow:
    """Store what a vendor tells of a person, by connection and vendor id; follow merges.

    An erased person keeps only the id: nothing personal is stored again.
    """
    row = session.execute(
        select(ContactRow).where(
            col(ContactRow.connection) == contact.connection, col(ContactRow.vendor_id) == contact.id
        )
    ).scalar()
    if row is None:
        row = ContactRow(connection=contact.connection, vendor_id=contact.id, record={}, seen_at=now)
        session.add(row)
    row.seen_at = now
    row.opted_out = contact.opted_out
    row.deleted_at = (row.deleted_at or now) if contact.deleted else None
    if row.erased_at is None:
        row.email = contact.email
        row.mailbox = mailbox_hash(contact.email) if contact.email else None
        row.name = contact.name
        row.language = contact.language
        row.record = contact.model_dump(mode="json")
    session.flush()
    if contact.merged_ids:
        session.execute(
            update(ContactRow)
            .where(
                col(ContactRow.connection) == contact.connection,
                col(ContactRow.vendor_id).in_(contact.merged_ids),
                col(ContactRow.id) != row.id,
            )
            .values(merged_into=row.id)
            .execution_options(synchronize_session="fetch")
        )
    return row


def build_contact(row: ContactRow) -> Contact:
    """The record of a stored person; an erased one has nothing but the id."""
    if row.erased_at is not None or not row.record:
        return Contact(connection=row.connection, id=row.vendor_id, deleted=row.deleted_at is not None)
    return Contact.model_validate(row.record)


def surviving_contact(session: Session, row: ContactRow) -> ContactRow:
    """The person whom this one was merged into, if so."""
    seen = set()
    while row.merged_into is not None and row.id not in seen:
        seen.add(row.id)
        target = session.get(ContactRow, row.merged_into)
        if target is None:
            break
        row = target
    return row


def merged_contact_ids(session: Session, row: ContactRow) -> list[int]:
    """This contact and all who were merged into it."""
    found = {row.id or 0}
    grown = True
    while grown:
        more = set(session.execute(select(col(ContactRow.id)).where(col(ContactRow.merged_into).in_(found))).scalars())
        grown = not more <= found
        found |= {known for known in more if known is not None}
    return sorted(found)


def load_contact_subjects(session: Session, row: ContactRow) -> list[str]:
    """Under which a person cools down, sorted: all who were merged into this contact, and the present mailbox."""
    every = merged_contact_ids(session, row)
    return sorted({subject for contact_id in every for subject in contact_subjects(contact_id, row.mailbox)})


def suppression_reason(session: Session, row: ContactRow) -> str | None:
    """Why this person or mailbox must not be written to, or none. Reasons of merged contacts count too."""
    subjects = load_contact_subjects(session, row)
    reasons: Iterable[str] = session.execute(
        select(col(SuppressionRow.reason)).where(col(SuppressionRow.subject).in_(subjects)).order_by("reason")
    ).scalars()
    return next(iter(reasons), None)


def load_responses(session: Session, contact_ids: Collection[int]) -> dict[int, list[ResponseRow]]:
    """The confirmed answers of several people on the NPS scale, newest first, read at once."""
    found: dict[int, list[ResponseRow]] = {contact_id: [] for contact_id in contact_ids}
    rows = session.execute(
        select(ResponseRow)
        .where(
            col(ResponseRow.contact_id).in_(found),
            col(ResponseRow.revision) > 0,
            col(ResponseRow.conflicting_at).is_(None),
            col(ResponseRow.scale) == NPS_SCALE,
        )
        .order_by(col(ResponseRow.answered_at).desc())
    ).scalars()
    for row in rows:
        found[row.contact_id].append(row)
    return found


def preload_responses(session: Session, contact_ids: Collection[int]) -> None:
    """Let `load_earlier_responses` know these people without asking for each; in sessions that change no answer."""
    session.info["answers"] = load_responses(session, contact_ids)


def load_earlier_responses(
    session: Session, contact_id: int, *, besides: int | None = None
) -> tuple[EarlierResponse, ...]:
    """The person's confirmed answers, newest first, without one of them."""
    known: dict[int, list[ResponseRow]] = session.info.get("answers", {})
    answers = known[contact_id] if contact_id in known else load_responses(session, [contact_id])[contact_id]
    rows = [row for row in answers if row.id != besides][:MAX_HISTORY]
    return tuple(build_earlier_response(row) for row in rows if row.answered_at is not None)


def build_earlier_response(row: ResponseRow) -> EarlierResponse:
    """The record of an answer before the one that is told; of the row, or of the same columns read otherwise."""
    return EarlierResponse.model_validate(
        {name: getattr(row, name) for name in ("score", "answered_at", "survey", "touchpoint", "comment")}
    )


def build_contact_history(session: Session, row: ContactRow, last_surveyed_at: datetime | None) -> ContactHistory:
    """What filters and vetoes may know of the person's past with us."""
    answers = load_earlier_responses(session, row.id or 0)
    return ContactHistory(
        last_surveyed_at=last_surveyed_at,
        last_score=answers[0].score if answers else None,
        last_answered_at=answers[0].answered_at if answers else None,
        answers=len(answers),
    )
