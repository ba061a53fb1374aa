"""``nps-connect approvals list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nps_connect.cli._support.list_options import ListFilters, encode_cursor, list_options
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import attributes, print_list

if TYPE_CHECKING:
    from datetime import datetime

    from nps_connect.ledger.approvals import ApprovalRow

COLUMNS = {
    "id": "id",
    "planned": "created_at",
    "by": "planned_by",
    "plan": "kind",
    "people": "people",
    "items": "items",
    "state": "state",
}


@command
@list_options(contact=False, connection=False)
def list_(options: Options, filters: ListFilters, as_json: bool) -> None:
    """List the plans of AI assistants, newest first. An open plan expires after 15 minutes."""
    from sqlalchemy import select
    from sqlmodel import col

    from nps_connect.connection import system_clock
    from nps_connect.ledger.approvals import ApprovalRow
    from nps_connect.ledger.list_page import load_page

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        since, until = filters.period(settings)
        conditions: list[Any] = [col(ApprovalRow.created_at) >= since] if since is not None else []
        conditions += [col(ApprovalRow.created_at) < until] if until is not None else []
        query, after = select(ApprovalRow).where(*conditions), filters.after("approvals")
        page = load_page(session, query, [col(ApprovalRow.id)], limit=filters.limit, after=after)
        rows = [plan_json(row, system_clock()) for (row,) in page.rows]
    cursor = encode_cursor("approvals", page.next_key)
    print_list(rows, COLUMNS, empty="no plans", as_json=as_json, zone=options.zone(settings), next_cursor=cursor)


def plan_json(row: ApprovalRow, now: datetime) -> dict[str, Any]:
    """Return a plan for ``--json``, without the people."""
    from nps_connect.services.approvals.approvals import plan_state

    names = "kind", "people", "items", "planned_by", "created_at", "expires_at", "decided_at", "decided_by"
    return {"id": row.public_id, **attributes(row, *names), "state": plan_state(row, now)}
