"""Lists of cases: the query with their responses, contacts and tickets, and the states that are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, select
from sqlmodel import col

from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.tables import ContactRow, DeliveryRow, ResponseRow


def case_query() -> Any:  # noqa: ANN401  # an SQL query
    """Return the query of cases with their responses, contacts and the links of their tickets."""
    ticket_link = (
        select(col(DeliveryRow.receipt_link))
        .where(
            col(DeliveryRow.response_id) == col(CaseRow.response_id),
            col(DeliveryRow.connection) == col(CaseRow.connection),
            col(DeliveryRow.action) == "open_ticket",
            col(DeliveryRow.receipt_id) == col(CaseRow.ticket_id),
        )
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(CaseRow, ResponseRow, ContactRow, ticket_link)
        .join(ResponseRow, col(ResponseRow.id) == col(CaseRow.response_id))
        .join(ContactRow, col(ContactRow.id) == col(CaseRow.contact_id))
    )


def case_state(case: CaseRow, now: datetime) -> str:
    """Return the state that is shown: open, overdue, solved or recovered."""
    if case.recovered_at is not None:
        return "recovered"
    if case.state == "open" and case.deadline is not None and case.deadline <= now:
        return "overdue"
    return case.state


def state_clauses(now: datetime) -> dict[str, ColumnElement[bool]]:
    """Return the SQL condition of each state; overdue cases are open too, and recovered ones may be in any state."""
    is_open = col(CaseRow.state) == "open"
    return {
        "open": is_open,
        "overdue": and_(is_open, col(CaseRow.deadline) <= now),
        "solved": col(CaseRow.state) == "solved",
        "recovered": col(CaseRow.recovered_at).is_not(None),
    }
