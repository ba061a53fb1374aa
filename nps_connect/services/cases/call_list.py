"""Customers to call: open cases, the most urgent first, with what one needs to call."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, select
from sqlmodel import Session, col

from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.tables import ContactRow, ResponseRow
from nps_connect.records.base import FieldValue
from nps_connect.services.cases.case_list import due_at, due_column
from nps_connect.services.contacts.store import build_contact
from nps_connect.services.context import Context


class CaseToCall(NamedTuple):
    """A customer to call.

    Attributes:
        response_id: row id of the response, such as for its dimensions.
        response: its public id, by which the page of the case is named: ``/console/cases/<response>``.
        name: of the customer; None if unknown.
        phone: the number, from `cases.phone_field`.
        may_be_contacted: false if the customer asked not to be contacted about the response, or was erased.
        due_at: until when: the next call that was agreed, else the deadline.
        is_overdue: that moment has passed.
        assigned_to: who has the case.
    """

    response_id: int
    response: str
    name: str | None
    email: str | None
    phone: str | None
    language: str | None
    may_be_contacted: bool
    score: int
    comment: str | None
    due_at: datetime | None
    next_contact_at: datetime | None
    is_overdue: bool
    assigned_to: str | None


def load_calls(
    ctx: Context, session: Session, *conditions: ColumnElement[bool], limit: int = 50, now: datetime | None = None
) -> list[CaseToCall]:
    """Return open cases, the one that is due first leading.

    Args:
        ctx: the application context.
        session: for reading.
        conditions: on `ResponseRow`, `CaseRow` and `ContactRow`, such as those of a filter of responses.
        limit: at most so many.
        now: the present moment; by the clock if not given.
    """
    moment = now or ctx.clock()
    query = (
        select(CaseRow, ResponseRow, ContactRow)
        .join(ResponseRow, col(ResponseRow.id) == col(CaseRow.response_id))
        .join(ContactRow, col(ContactRow.id) == col(CaseRow.contact_id))
        .where(col(CaseRow.state) == "open", *conditions)
        .order_by(due_column().is_(None), due_column(), col(CaseRow.id))
        .limit(limit)
    )
    return [_build(ctx, case, response, contact, moment) for case, response, contact in session.execute(query)]


def count_calls(session: Session, *conditions: ColumnElement[bool]) -> int:
    """Return the number of open cases that meet conditions on responses, cases and contacts."""
    query = (
        select(func.count(col(CaseRow.id)))
        .join(ResponseRow, col(ResponseRow.id) == col(CaseRow.response_id))
        .join(ContactRow, col(ContactRow.id) == col(CaseRow.contact_id))
        .where(col(CaseRow.state) == "open", *conditions)
    )
    return int(session.execute(query).scalar_one())


def _build(ctx: Context, case: CaseRow, response: ResponseRow, contact: ContactRow, now: datetime) -> CaseToCall:
    due = due_at(case)
    return CaseToCall(
        response_id=response.id or 0,
        response=response.public_id,
        name=contact.name,
        email=contact.email,
        phone=phone_number(ctx, contact),
        language=contact.language or response.language,
        may_be_contacted=not response.do_not_contact and contact.erased_at is None,
        score=response.score or 0,
        comment=response.comment,
        due_at=due,
        next_contact_at=case.next_contact_at,
        is_overdue=due is not None and due <= now,
        assigned_to=case.assigned_to,
    )


def contact_fields(contact: ContactRow) -> dict[str, FieldValue]:
    """Return the fields of a contact; none if the stored record cannot be read."""
    try:
        return dict(build_contact(contact).fields)
    except ValueError:
        return {}


def phone_number(ctx: Context, contact: ContactRow) -> str | None:
    """Return the phone number of a contact; None if no field is configured or it is empty."""
    field = ctx.settings.cases.phone_field
    value = contact_fields(contact).get(field) if field is not None else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() or None if value is not None else None
