"""From stored answers to the records that hooks receive."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement
from sqlmodel import Session, col

from nps_connect.ledger.tables import ContactRow, ResponseRow
from nps_connect.records.responses import ContactResponse, FollowUpAnswer, Response
from nps_connect.services.contacts.store import build_contact, load_earlier_responses


class ConfirmedResponse(NamedTuple):
    """A confirmed answer in plain values, as it has just been written."""

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
"""An answer, however its columns came here."""


def load_contact_response(session: Session, row: ResponseRow, contact: ContactRow) -> ContactResponse:
    """A confirmed response together with the person and the answers before it."""
    return ContactResponse(
        contact=build_contact(contact),
        response=build_response(row),
        history=load_earlier_responses(session, contact.id or 0, besides=row.id),
    )


def build_response(row: ResponseColumns, follow_up: Sequence[object] | None = None) -> Response:
    """The record of a confirmed response.

    Args:
        row: as stored, or the same columns read otherwise.
        follow_up: its further answers, where the row does not hold them.

    Raises:
        ValueError: it is not confirmed, or what is stored is damaged.
    """
    further = row.follow_up if follow_up is None else follow_up
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
        follow_up=tuple(FollowUpAnswer.model_validate(one) for one in further),
    )


def is_confirmed(row: ResponseRow | None) -> bool:
    """Whether a person stands behind the answer: pressed, and not contradicted by another press at once."""
    return row is not None and row.revision > 0 and row.conflicting_at is None


def confirmed_clause() -> ColumnElement[bool]:
    """`is_confirmed`, for queries."""
    return (col(ResponseRow.revision) > 0) & col(ResponseRow.conflicting_at).is_(None)
