"""``nps-connect problems list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nps_connect.cli._support.list_options import ListFilters, encode_cursor, list_options
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import attributes, print_list

if TYPE_CHECKING:
    from datetime import date

    from nps_connect.ledger.problems import ProblemRow

COLUMNS = {
    "id": "id",
    "state": "state",
    "owner": "owner",
    "deadline": "deadline",
    "fixed": "fixed_on",
    "due": "due_on",
    "verdict": "verdict",
    "problem": "title",
}


@command
@list_options(contact=False, connection=False)
def list_(options: Options, filters: ListFilters, as_json: bool) -> None:
    """List problems, newest first, with their owners, deadlines and verdicts."""
    from sqlalchemy import select
    from sqlmodel import col

    from nps_connect.connection import system_clock
    from nps_connect.ledger.list_page import load_page
    from nps_connect.ledger.problems import ProblemRow
    from nps_connect.rules.timing import local_date

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        since, until = filters.period(settings)
        conditions: list[Any] = [col(ProblemRow.opened_at) >= since] if since is not None else []
        conditions += [col(ProblemRow.opened_at) < until] if until is not None else []
        query, after = select(ProblemRow).where(*conditions), filters.after("problems")
        page = load_page(session, query, [col(ProblemRow.id)], limit=filters.limit, after=after)
        today = local_date(system_clock(), settings.core.zone)
        rows = [problem_json(row, today) for (row, *_) in page.rows]
    cursor = encode_cursor("problems", page.next_key)
    print_list(rows, COLUMNS, empty="no problems", as_json=as_json, zone=options.zone(settings), next_cursor=cursor)


def problem_json(row: ProblemRow, today: date) -> dict[str, Any]:
    """Return a problem for ``--json``."""
    from nps_connect.services.problems.problems import problem_state

    names = "id", "title", "note", "cause_kind", "cause", "concerned", "owner", "deadline"
    dates = "evidence_first", "evidence_last", "opened_at", "opened_by", "fixed_on", "fix_note", "fix_entered_by"
    planned = "before", "after_first", "after_last", "due_on", "evaluated_at", "evaluation", "closed_at", "closed_by"
    verdict = None if row.evaluation is None else row.evaluation["verdict"].replace("_", " ")
    return {**attributes(row, *names, *dates, *planned), "state": problem_state(row, today), "verdict": verdict}
