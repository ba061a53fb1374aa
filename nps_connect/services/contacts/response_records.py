"""Build the records that hooks receive from response rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement
from sqlmodel import Session, col

from nps_connect.ledger.tables import ContactRow, ResponseRow
from nps_connect.records.contacts import Contact
from nps_connect.records.responses import ContactResponse, FollowUpAnswer, Response
from nps_connect.services.contacts.store import build_contact, load_earlier_responses


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
    """

    columns: ResponseColumns
    response: Response
    contact: Contact
    mailbox: str | None
    has_merged_contacts: bool
    has_review_request: bool
    is_final: bool


def load_contact_response(session: Session, row: ResponseRow, contact: ContactRow) -> ContactResponse:
    """Return a confirmed response with its contact and the contact's earlier responses."""
    return ContactResponse(
        contact=build_contact(contact),
        response=build_response(row),
        history=load_earlier_responses(session, contact.id or 0, except_id=row.id),
    )


def build_response(row: ResponseColumns, follow_up: Sequence[object] | None = None) -> Response:
    """Return the record of a confirmed response.

    Args:
        row: the columns of the response.
        follow_up: the stored follow-up answers, where `row` does not have them.

    Raises:
        ValueError: the response is not confirmed, or the stored data is damaged.
    """
    answers = row.follow_up if follow_up is None else follow_up
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
        follow_up=tuple(map(FollowUpAnswer.model_validate, answers)),
    )


def is_confirmed(row: ResponseRow | None) -> bool:
    """Return whether the score was submitted and no conflicting submission came within seconds."""
    return row is not None and row.revision > 0 and row.conflicting_at is None


def confirmed_clause() -> ColumnElement[bool]:
    """Return the SQL condition that equals `is_confirmed`."""
    return (col(ResponseRow.revision) > 0) & col(ResponseRow.conflicting_at).is_(None)
