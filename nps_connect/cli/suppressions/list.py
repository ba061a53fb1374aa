"""``nps-connect suppressions list``."""

from __future__ import annotations

from nps_connect.cli._support.options import Options, command, limit_option
from nps_connect.cli._support.output import attributes, print_rows

COLUMNS = {
    "id": "id",
    "since": "since",
    "of": "of",
    "contact": lambda row: row["contact"] or "no contact now",
    "reason": lambda row: f"{row['reason']}, provisional" if row["provisional_for"] else row["reason"],
    "source": "source",
}


@command
@limit_option
def list_(options: Options, /, limit: int, as_json: bool) -> None:
    """List suppressions, newest first, with a contact that each concerns now.

    Provisional ones are of many bounces within an hour: see `bounces confirm` and `bounces undo`.
    """
    from nps_connect.services.suppressions.operator_suppressions import list_suppressions

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        rows = [
            {
                **attributes(row, "id", "reason", "source", "provisional_for"),
                "of": "mailbox" if row.subject.startswith("m:") else "person",
                "contact": contact,
                "since": row.created_at,
            }
            for row, contact in list_suppressions(session, limit + 1)
        ]
    print_rows(rows, COLUMNS, empty="nobody is suppressed", as_json=as_json, zone=settings.core.zone, limit=limit)
