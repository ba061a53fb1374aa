"""Customers to call, as a digest lists them: open cases, the one that is due first leading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlmodel import Session, col

from nps_connect.ledger.response_dimensions import ResponseDimensionRow
from nps_connect.ledger.tables import ContactRow, ResponseRow
from nps_connect.rendering.digest import DigestCall
from nps_connect.rules.dimensions import LOCATION
from nps_connect.services.cases.call_list import count_calls, load_calls
from nps_connect.services.context import Context
from nps_connect.services.reports.filters import ResponseFilter


def load_digest_calls(
    ctx: Context, session: Session, responses: ResponseFilter, limit: int
) -> tuple[Sequence[DigestCall], int]:
    """Return the customers with an open case who may be called, the most urgent first, and how many there are in all.

    Args:
        ctx: the application context.
        session: for reading.
        responses: which responses the cases belong to.
        limit: at most so many.
    """
    conditions = [*responses.conditions(), *_may_be_called()]
    cases = load_calls(ctx, session, *conditions, limit=limit)
    columns = col(ResponseRow.id), location_of_response()
    shops = dict(
        session.execute(select(*columns).where(col(ResponseRow.id).in_([case.response_id for case in cases]))).all()
    )
    calls = [
        DigestCall(
            name=case.name,
            score=case.score,
            email=case.email,
            phone=case.phone,
            location=shops.get(case.response_id),
            comment=case.comment,
            due_at=case.due_at,
        )
        for case in cases
    ]
    return calls, count_calls(session, *conditions)


def location_of_response() -> Any:  # noqa: ANN401  # a scalar subquery
    """Return the shop of a response, as a column."""
    query = select(col(ResponseDimensionRow.value)).where(
        col(ResponseDimensionRow.response_id) == col(ResponseRow.id), col(ResponseDimensionRow.name) == LOCATION
    )
    return query.scalar_subquery()


def _may_be_called() -> list[ColumnElement[bool]]:
    return [col(ResponseRow.do_not_contact).is_(False), col(ContactRow.erased_at).is_(None)]
