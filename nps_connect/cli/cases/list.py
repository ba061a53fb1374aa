"""``nps-connect cases list``."""

from __future__ import annotations

from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.options import Options, command, limit_option
from nps_connect.cli._support.output import attributes, print_fields, print_json, print_rows

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.ledger.cases import CaseRow
    from nps_connect.ledger.tables import ContactRow, ResponseRow

STATES = ("open", "overdue", "solved", "recovered")


@command
@click.option(
    "--state",
    type=click.Choice(STATES),
    help="Only this state; overdue cases are open too, recovered cases may be in any state.",
)
@limit_option
def list_(options: Options, state: str | None, limit: int, as_json: bool) -> None:
    """List cases, newest first, with counts and median times over all cases.

    A case is a detractor with a ticket. It is open until the helpdesk reports the ticket as solved, overdue after its
    deadline, and recovered when the customer gives a better score.
    """
    from nps_connect.connection import system_clock

    now = system_clock()
    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        rows = [_case_json(session, *loaded, now=now) for loaded in _load_cases(session, now, state, limit + 1)]
        summary = _load_summary(session, now)
    if as_json:
        print_json({"summary": summary, "cases": rows[:limit]})
        return
    print_rows(rows, COLUMNS, empty="no cases", zone=settings.core.zone, limit=limit)
    if summary["cases"]:
        reply = _format_duration(summary["median_first_reply_minutes"])
        times = {"median first reply": reply, "median time to solve": _format_duration(summary["median_solve_minutes"])}
        print_fields({name: summary[name] for name in STATES} | times)


def _load_cases(
    session: Session, now: datetime, state: str | None, limit: int
) -> list[tuple[CaseRow, ResponseRow, ContactRow]]:
    from sqlalchemy import select
    from sqlmodel import col

    from nps_connect.ledger.cases import CaseRow
    from nps_connect.ledger.tables import ContactRow, ResponseRow

    query = (
        select(CaseRow, ResponseRow, ContactRow)
        .join(ResponseRow, col(ResponseRow.id) == col(CaseRow.response_id))
        .join(ContactRow, col(ContactRow.id) == col(CaseRow.contact_id))
        .order_by(col(CaseRow.opened_at).desc(), col(CaseRow.id).desc())
        .limit(limit)
    )
    if state == "recovered":
        query = query.where(col(CaseRow.recovered_at).is_not(None))
    elif state is not None:
        query = query.where(col(CaseRow.state) == ("solved" if state == "solved" else "open"))
    if state == "overdue":
        query = query.where(col(CaseRow.deadline) <= now)
    return [(case, response, contact) for case, response, contact in session.execute(query).all()]


def _case_json(
    session: Session, case: CaseRow, response: ResponseRow, contact: ContactRow, *, now: datetime
) -> dict[str, Any]:
    from sqlalchemy import select
    from sqlmodel import col

    from nps_connect.ledger.tables import DeliveryRow

    ticket_link = select(col(DeliveryRow.receipt_link)).where(
        col(DeliveryRow.response_id) == case.response_id,
        col(DeliveryRow.connection) == case.connection,
        col(DeliveryRow.action) == "open_ticket",
        col(DeliveryRow.receipt_id) == case.ticket_id,
    )
    return {
        "response": response.public_id,
        "state": _case_state(case, now),
        "score": response.score,
        "survey": response.survey,
        "contact": f"{contact.connection}:{contact.vendor_id}",
        "ticket_link": session.execute(ticket_link).scalar(),
        "follow_up_planned": case.follow_up_id is not None,
        **attributes(case, "owner", "connection", "ticket_id", "opened_at", "deadline", "solved_at", "reopened"),
        **attributes(case, "first_reply_minutes", "solve_minutes", "recovered_at", "recovered_score"),
    }


def _case_state(case: CaseRow, now: datetime) -> str:
    if case.recovered_at is not None:
        return "recovered"
    if case.state == "open" and case.deadline is not None and case.deadline <= now:
        return "overdue"
    return case.state


def _load_summary(session: Session, now: datetime) -> dict[str, Any]:
    from sqlalchemy import select
    from sqlmodel import col

    from nps_connect.ledger.cases import CaseRow

    columns = (
        CaseRow.state,
        CaseRow.deadline,
        CaseRow.recovered_at,
        CaseRow.first_reply_minutes,
        CaseRow.solve_minutes,
    )
    rows = session.execute(select(*(col(column) for column in columns))).all()
    reply_minutes = [row.first_reply_minutes for row in rows if row.first_reply_minutes is not None]
    solve_minutes = [row.solve_minutes for row in rows if row.solve_minutes is not None]
    return {
        "cases": len(rows),
        "open": sum(row.state == "open" for row in rows),
        "overdue": sum(row.state == "open" and row.deadline is not None and row.deadline <= now for row in rows),
        "solved": sum(row.state == "solved" for row in rows),
        "recovered": sum(row.recovered_at is not None for row in rows),
        "median_first_reply_minutes": median(reply_minutes) if reply_minutes else None,
        "median_solve_minutes": median(solve_minutes) if solve_minutes else None,
    }


def _format_duration(minutes: float | None) -> str | None:
    """Return minutes for people: ``42m``, ``3h05m``, ``2d4h``."""
    if minutes is None:
        return None
    whole = round(minutes)
    if whole < 60:
        return f"{whole}m"
    if whole < 24 * 60:
        return f"{whole // 60}h{whole % 60:02d}m"
    return f"{whole // 1440}d{whole % 1440 // 60}h"


COLUMNS = {
    "opened": "opened_at",
    "state": "state",
    "score": "score",
    "contact": "contact",
    "owner": "owner",
    "deadline": "deadline",
    "first reply": lambda row: _format_duration(row["first_reply_minutes"]),
    "solved after": lambda row: _format_duration(row["solve_minutes"]),
    "new score": "recovered_score",
    "ticket": lambda row: row["ticket_link"] or f"{row['connection']}:{row['ticket_id']}",
}
