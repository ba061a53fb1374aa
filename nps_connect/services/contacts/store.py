"""Stored contacts and responses: from rows to the records that hooks receive, with merges and what blocks a contact."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, select
from sqlmodel import Session, col

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.tables import ContactRow, ResponseRow
from nps_connect.records.actions import CancelCode, HoldCode
from nps_connect.records.base import NPS_SCALE, mailbox_key
from nps_connect.records.contacts import Contact
from nps_connect.records.responses import EarlierResponse, FollowUpAnswer, Response
from nps_connect.rules.trigger_decision import Person
from nps_connect.services.action_spec import NotAttempted
from nps_connect.services.contacts.contact_batch import load_merged_groups, load_people, upsert_contacts
from nps_connect.services.context import Context

MAX_HISTORY = 10
"""Number of earlier responses that hooks receive at most."""


class ConfirmedResponse(NamedTuple):
    """The columns of a confirmed response, as just written, without an ORM row."""

    id: int
    public_id: str
    invitation_id: int
    contact_id: int
    survey: str
    touchpoint: str
    revision: int
    score: int
    comment: str | None
    language: str
    do_not_contact: bool
    follow_up: Sequence[Any]
    answered_at: datetime


ResponseColumns = ResponseRow | ConfirmedResponse
"""The columns of a response, as an ORM row or as plain values."""


class RoutableResponse(NamedTuple):
    """A confirmed response with what routing needs to know of its contact.

    Attributes:
        columns: the response as stored.
        response: the same as a record.
        contact: the contact.
        mailbox: hash of the contact's mailbox.
        has_merged_contacts: other contacts were merged into the contact.
        has_review_request: the contact or the mailbox was asked for a review.
        is_final: the Send button was pressed: actions start without a grace period.
        may_repeat: the database was restored and may have lost this response, with what it has led to.
    """

    columns: ResponseColumns
    response: Response
    contact: Contact
    mailbox: str | None
    has_merged_contacts: bool
    has_review_request: bool
    is_final: bool
    may_repeat: bool = False


def upsert_contact(session: Session, contact: Contact, now: datetime) -> ContactRow:
    """Store one contact with `upsert_contacts` and return its row."""
    stored = upsert_contacts(session, [contact], now)[contact.connection, contact.id]
    return session.get_one(ContactRow, stored.id, populate_existing=True)


def build_contact(row: ContactRow) -> Contact:
    """Return the record of a stored contact; an erased one has nothing but its id."""
    if row.erased_at is not None or not row.record:
        return Contact(connection=row.connection, id=row.vendor_id, deleted=row.deleted_at is not None)
    return Contact.model_validate(row.record)


def load_mailbox_contacts(session: Session, mailbox: str) -> Sequence[ContactRow]:
    """Return the contacts that have a mailbox now, from its hash, in the order of their ids."""
    return load_contacts_of(session, [mailbox])


def load_contacts_of(session: Session, mailboxes: Collection[str]) -> Sequence[ContactRow]:
    """Return the contacts that have one of these mailboxes now, from their hashes, in the order of their ids."""
    query = select(ContactRow).where(in_list(col(ContactRow.mailbox), "mailboxes")).order_by(col(ContactRow.id))
    return session.execute(query, {"mailboxes": list(mailboxes)}).scalars().all()


def surviving_contact(session: Session, row: ContactRow) -> ContactRow:
    """Return the contact that this one was merged into, or the row itself."""
    seen = set()
    while row.merged_into is not None and row.id not in seen:
        seen.add(row.id)
        target = session.get(ContactRow, row.merged_into)
        if target is None:
            break
        row = target
    return row


def merged_contact_ids(session: Session, row: ContactRow) -> list[int]:
    """Ids of this contact and of all that were merged into it, sorted."""
    contact_id = row.id or 0
    return sorted(load_merged_groups(session, [contact_id])[contact_id])


def load_person(session: Session, row: ContactRow) -> Person:
    """Load what the ledger knows of a contact and of all merged into it: subjects, and why they are suppressed.

    That the mailbox was erased under another contact is not known here, for want of the key; every delivery checks it.
    """
    contact_id = row.id or 0
    return load_people(session, {contact_id: row.mailbox}, ())[contact_id]


def check_contact(ctx: Context, contact: ContactRow, person: Person) -> NotAttempted | None:
    """Return why a contact that is not erased must not be contacted now, or None."""
    if contact.deleted_at is not None:
        reason = "the contact was deleted"
    elif person.suppression_reason is not None:
        reason = f"suppressed: {person.suppression_reason}"
    elif contact.opted_out:
        reason = "the contact opted out in the CRM"
    elif not contact.email:
        reason = "the contact has no address"
    elif not is_on_allow_list(contact.email, ctx.settings.core.recipient_allow_list):
        reason = "the address is not on the recipient allow-list"
    else:
        return NotAttempted.held(HoldCode.OPT_OUTS_UNKNOWN) if person.is_unconfirmed else None
    return NotAttempted.cancelled(CancelCode.CONTACT_BLOCKED, reason)


def is_on_allow_list(email: str, allow_list: tuple[str, ...]) -> bool:
    """Return whether an address is on the list, itself or by its ``@domain``; an empty list allows all."""
    if not allow_list:
        return True
    address = mailbox_key(email)
    domain = "@" + address.rpartition("@")[2]
    return any(mailbox_key(entry) in (address, domain) for entry in allow_list)


def load_responses(session: Session, contact_ids: Collection[int]) -> dict[int, list[ResponseRow]]:
    """Confirmed NPS responses of several contacts, newest first, by contact id."""
    responses: dict[int, list[ResponseRow]] = {contact_id: [] for contact_id in contact_ids}
    rows = session.execute(
        select(ResponseRow)
        .where(
            col(ResponseRow.contact_id).in_(responses),
            col(ResponseRow.revision) > 0,
            col(ResponseRow.conflicting_at).is_(None),
            col(ResponseRow.scale) == NPS_SCALE,
        )
        .order_by(col(ResponseRow.answered_at).desc())
    ).scalars()
    for row in rows:
        responses[row.contact_id].append(row)
    return responses


def build_earlier_response(row: ResponseRow) -> EarlierResponse:
    """Return the record of an earlier response, from its row or from any object with the same columns."""
    return EarlierResponse.model_validate(
        {name: getattr(row, name) for name in ("score", "answered_at", "survey", "touchpoint", "comment")}
    )


def build_response(row: ResponseColumns) -> Response:
    """Return the record of a confirmed response.

    Raises:
        ValueError: the response is not confirmed, or the stored data is damaged.
    """
    if row.score is None or row.answered_at is None:
        raise ValueError(f"response {row.public_id} is not confirmed")
    return Response(
        id=row.public_id,
        revision=row.revision,
        survey=row.survey,
        touchpoint=row.touchpoint,
        score=row.score,
        comment=row.comment,
        language=row.language,
        answered_at=row.answered_at,
        do_not_contact=row.do_not_contact,
        follow_up=tuple(map(FollowUpAnswer.model_validate, row.follow_up)),
    )


def is_confirmed(row: ResponseRow | None) -> bool:
    """Return whether the score was submitted and no conflicting submission came within seconds."""
    return row is not None and row.revision > 0 and row.conflicting_at is None


def confirmed_clause() -> ColumnElement[bool]:
    """Return the SQL condition that equals `is_confirmed`."""
    return (col(ResponseRow.revision) > 0) & col(ResponseRow.conflicting_at).is_(None)
