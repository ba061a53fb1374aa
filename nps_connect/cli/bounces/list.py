"""``nps-connect bounces list``."""

from __future__ import annotations

from nps_connect.cli._support.options import Options, command, limit_option
from nps_connect.cli._support.output import attributes, last_line, print_rows

COLUMNS = {
    "id": "id",
    "time": "at",
    "kind": "kind",
    "status": "status",
    "source": "source",
    "mail": lambda row: row["delivery"] or "none of ours: no effect",
    "text": lambda row: last_line(row["detail"]),
}


@command
@limit_option
def list_(options: Options, /, limit: int, as_json: bool) -> None:
    """List bounces and complaints, newest first, with the id of the delivery that came back.

    A report that names none of our mails to that mailbox has no effect: it may be forged, or about an address behind an
    alias.
    """
    from sqlalchemy import select
    from sqlmodel import col

    from nps_connect.ledger.suppressions import BounceRow

    query = select(BounceRow).order_by(col(BounceRow.id).desc()).limit(limit + 1)
    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        rows = [
            attributes(row, "id", "at", "kind", "status", "source", "detail") | {"delivery": row.delivery_id}
            for row in session.execute(query).scalars()
        ]
    print_rows(rows, COLUMNS, empty="no bounces", as_json=as_json, zone=settings.core.zone, limit=limit)
