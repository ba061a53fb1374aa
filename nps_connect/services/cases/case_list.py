"""Lists of cases: the query with their responses, contacts and tickets, and the states that are shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlmodel import Session, col

from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.columns import UtcDateTime
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


def due_at(case: CaseRow) -> datetime | None:
    """Return until when something is to be done: the next call that was agreed, else the deadline."""
    return case.next_contact_at or case.deadline


def due_column() -> ColumnElement[Any]:
    """Return `due_at` as SQL."""
    return func.coalesce(col(CaseRow.next_contact_at), col(CaseRow.deadline), type_=UtcDateTime())


def case_state(case: CaseRow, now: datetime) -> str:
    """Return the state that is shown: open, overdue, solved or recovered."""
    if case.recovered_at is not None:
        return "recovered"
    due = due_at(case)
    if case.state == "open" and due is not None and due <= now:
        return "overdue"
    return case.state


def state_clauses(now: datetime) -> dict[str, ColumnElement[bool]]:
    """Return the SQL condition of each state; overdue cases are open too, and recovered ones may be in any state."""
    is_open = col(CaseRow.state) == "open"
    return {
        "open": is_open,
        "overdue": and_(is_open, due_column() <= now),
        "solved": col(CaseRow.state) == "solved",
        "recovered": col(CaseRow.recovered_at).is_not(None),
    }


@dataclass(frozen=True)
class CaseSummary:
    """Counts of cases, and the median times in minutes.

    Attributes:
        recovered_share: of all cases, those whose customer gave a better score; None without cases.
    """

    cases: int
    open: int
    overdue: int
    solved: int
    recovered: int
    recovered_share: float | None
    median_first_reply_minutes: float | None
    median_solve_minutes: float | None


def summarize_cases(session: Session, now: datetime, *conditions: ColumnElement[bool]) -> CaseSummary:
    """Return the counts of the cases that meet conditions on cases, responses and contacts."""
    columns = (
        col(CaseRow.state),
        due_column().label("due"),
        col(CaseRow.recovered_at),
        col(CaseRow.first_reply_minutes),
        col(CaseRow.solve_minutes),
    )
    query = select(*columns).join(ResponseRow, col(ResponseRow.id) == col(CaseRow.response_id))
    rows = session.execute(query.where(*conditions)).all()
    reply_minutes = [row.first_reply_minutes for row in rows if row.first_reply_minutes is not None]
    solve_minutes = [row.solve_minutes for row in rows if row.solve_minutes is not None]
    recovered = sum(row.recovered_at is not None for row in rows)
    return CaseSummary(
        cases=len(rows),
        open=sum(row.state == "open" for row in rows),
        overdue=sum(row.state == "open" and row.due is not None and row.due <= now for row in rows),
        solved=sum(row.state == "solved" for row in rows),
        recovered=recovered,
        recovered_share=recovered / len(rows) if rows else None,
        median_first_reply_minutes=median(reply_minutes) if reply_minutes else None,
        median_solve_minutes=median(solve_minutes) if solve_minutes else None,
    )
