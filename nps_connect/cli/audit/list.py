"""``nps-connect audit list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.list_options import ListFilters, encode_cursor, list_options
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import attributes, print_list

if TYPE_CHECKING:
    from nps_connect.ledger.audit_log import AuditRow

COLUMNS = {
    "id": "id",
    "time": "at",
    "by": "actor_name",
    "command": "command",
    "object": "object",
    "reason": "reason",
}


@command
@list_options(contact=False, connection=False)
@click.option("--command", "name", metavar="COMMAND", help="Only this command, such as 'deliveries retry'.")
@click.option("--by", "actor", metavar="USER", help="Only what this user did.")
def list_(options: Options, filters: ListFilters, name: str | None, actor: str | None, as_json: bool) -> None:
    """List what operators did, newest first: every command that changed something, with who, when and why.

    Objects are ids, hashes and configured names. Reasons are kept as long as comments: see retention.comments.
    """
    from sqlalchemy import select
    from sqlmodel import col

    from nps_connect.ledger.audit_log import AuditRow
    from nps_connect.ledger.list_page import load_page

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        since, until = filters.period(settings)
        conditions: list[Any] = [col(AuditRow.at) >= since] if since is not None else []
        conditions += [col(AuditRow.at) < until] if until is not None else []
        conditions += [col(AuditRow.command) == name] if name is not None else []
        conditions += [col(AuditRow.actor_name) == actor] if actor is not None else []
        after = filters.after("audit")
        page = load_page(
            session, select(AuditRow).where(*conditions), [col(AuditRow.id)], limit=filters.limit, after=after
        )
        rows = [audit_json(row) for (row,) in page.rows]
    cursor = encode_cursor("audit", page.next_key)
    print_list(
        rows, COLUMNS, empty="nothing is recorded", as_json=as_json, zone=options.zone(settings), next_cursor=cursor
    )


def audit_json(row: AuditRow) -> dict[str, Any]:
    """Return an action for ``--json``."""
    return attributes(row, "id", "at", "actor_kind", "actor_name", "command", "object", "reason")
