"""``nps-connect cases list``."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.completion import complete_survey
from nps_connect.cli._support.list_options import ListFilters, encode_cursor, list_options
from nps_connect.cli._support.names import require_known
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import attributes, print_fields, print_list
from nps_connect.cli._support.people import person_json, short_person

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.ledger.cases import CaseRow
    from nps_connect.ledger.tables import ContactRow, ResponseRow
    from nps_connect.settings.model import Settings

STATES = ("open", "overdue", "solved", "recovered")


@command
@list_options(states=STATES)
@click.option("--survey", help="Only this survey.", shell_complete=complete_survey)
def list_(options: Options, filters: ListFilters, survey: str | None, as_json: bool) -> None:
    """List cases, newest first, with counts and median times over all cases.

    A case is a detractor to win back, with a ticket or without one. It is open until staff or the helpdesk solve it,
    overdue after its deadline or the day agreed for the next call, and recovered when the customer gives a better
    score. Overdue cases are open too, recovered ones may be in any state.
    """
    from dataclasses import asdict

    from sqlmodel import col

    from nps_connect.connection import system_clock
    from nps_connect.ledger.cases import CaseRow
    from nps_connect.ledger.list_page import load_page
    from nps_connect.services.cases.case_list import case_query, summarize_cases

    now = system_clock()
    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        query = case_query().where(*_build_conditions(session, settings, filters, survey, now))
        order = [col(CaseRow.opened_at), col(CaseRow.id)]
        page = load_page(session, query, order, limit=filters.limit, after=filters.after("cases"))
        rows = [case_json(*row, now=now) for row in page.rows]
        summary = asdict(summarize_cases(session, now))
    zone, cursor = options.zone(settings), encode_cursor("cases", page.next_key)
    print_list(rows, COLUMNS, empty="no cases", as_json=as_json, zone=zone, next_cursor=cursor, summary=summary)
    if summary["cases"] and not as_json:
        reply = _format_duration(summary["median_first_reply_minutes"])
        times = {"median first reply": reply, "median time to solve": _format_duration(summary["median_solve_minutes"])}
        share = summary["recovered_share"]
        recovered = {"recovered": f"{summary['recovered']} of {summary['cases']} ({share:.0%})"} if share else {}
        print_fields({name: summary[name] for name in STATES} | recovered | times)


def _build_conditions(
    session: Session, settings: Settings, filters: ListFilters, survey: str | None, now: datetime
) -> list[Any]:
    """Return the SQL conditions that the options describe; several states are alternatives."""
    from sqlalchemy import or_
    from sqlmodel import col

    from nps_connect.ledger.cases import CaseRow
    from nps_connect.ledger.tables import ResponseRow
    from nps_connect.services.cases.case_list import state_clauses

    survey = require_known(survey, settings.surveys, "survey", session, col(ResponseRow.survey))
    connection = filters.known_connection(session, settings, col(CaseRow.connection))
    contact_ids, (since, until) = filters.contact_ids(session, settings), filters.period(settings)
    conditions: list[Any] = [or_(*map(state_clauses(now).__getitem__, filters.state))] if filters.state else []
    conditions += [col(ResponseRow.survey) == survey] if survey is not None else []
    conditions += [col(CaseRow.connection) == connection] if connection is not None else []
    conditions += [col(CaseRow.contact_id).in_(contact_ids)] if contact_ids is not None else []
    conditions += [col(CaseRow.opened_at) >= since] if since is not None else []
    conditions += [col(CaseRow.opened_at) < until] if until is not None else []
    return conditions


def case_json(
    case: CaseRow, response: ResponseRow, contact: ContactRow, ticket_link: str | None, *, now: datetime
) -> dict[str, Any]:
    """Return a case for ``--json``."""
    from nps_connect.services.cases.case_list import case_state

    return {
        "id": case.id,
        "response": response.public_id,
        "state": case_state(case, now),
        "score": response.score,
        "survey": response.survey,
        **person_json(contact),
        "ticket_link": ticket_link,
        "follow_up_planned": case.follow_up_id is not None,
        **attributes(case, "assigned_to", "owner", "handled_by", "connection", "ticket_id", "opened_at", "deadline"),
        **attributes(case, "next_contact_at", "solved_at", "solved_by", "reopened"),
        "remedies": case.remedies or [],
        **attributes(case, "first_reply_minutes", "solve_minutes", "recovered_at", "recovered_score"),
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
    "id": "id",
    "opened": "opened_at",
    "state": "state",
    "score": "score",
    "person": short_person,
    "owner": lambda row: row["assigned_to"] or row["owner"],
    "due": lambda row: row["next_contact_at"] or row["deadline"],
    "new score": "recovered_score",
    "ticket": lambda row: row["ticket_link"] or (f"{row['connection']}:{row['ticket_id']}" if row["ticket_id"] else ""),
}
