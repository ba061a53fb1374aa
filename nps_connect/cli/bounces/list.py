"""``nps-connect bounces list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nps_connect.cli._support.list_options import ListFilters, encode_cursor, list_options
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import attributes, last_line, print_list
from nps_connect.cli._support.people import People, load_people_names, short_person

if TYPE_CHECKING:
    from nps_connect.ledger.suppressions import BounceRow

COLUMNS = {
    "id": "id",
    "time": "at",
    "kind": "kind",
    "status": "status",
    "source": "source",
    "person": short_person,
    "mail": lambda row: row["delivery"] or "none of ours",
    "text": lambda row: last_line(row["detail"]),
}


@command
@list_options()
def list_(options: Options, filters: ListFilters, as_json: bool) -> None:
    """List bounces and complaints, newest first, with the id of the delivery that came back.

    A report that names none of our mails to that mailbox has no effect: it may be forged, or about an address behind an
    alias. --connection selects the mails that were sent through it.
    """
    from sqlalchemy import select
    from sqlmodel import col

    from nps_connect.ledger.list_page import load_page
    from nps_connect.ledger.suppressions import BounceRow
    from nps_connect.ledger.tables import DeliveryRow

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        contact_ids, (since, until) = filters.contact_ids(session, settings), filters.period(settings)
        connection = filters.known_connection(session, settings, col(DeliveryRow.connection))
        query = select(BounceRow)
        if connection is not None:
            mails = select(col(DeliveryRow.id)).where(col(DeliveryRow.connection) == connection)
            query = query.where(col(BounceRow.delivery_id).in_(mails))
        if contact_ids is not None:
            query = query.where(col(BounceRow.contact_id).in_(contact_ids))
        if since is not None:
            query = query.where(col(BounceRow.at) >= since)
        if until is not None:
            query = query.where(col(BounceRow.at) < until)
        page = load_page(session, query, [col(BounceRow.id)], limit=filters.limit, after=filters.after("bounces"))
        people = load_people_names(session, [row.contact_id for (row,) in page.rows])
        rows = [bounce_json(row, people) for (row,) in page.rows]
    zone, cursor = options.zone(settings), encode_cursor("bounces", page.next_key)
    print_list(rows, COLUMNS, empty="no bounces", as_json=as_json, zone=zone, next_cursor=cursor)


def bounce_json(row: BounceRow, people: People) -> dict[str, Any]:
    """Return a bounce for ``--json``."""
    shown = attributes(row, "id", "at", "kind", "status", "source", "detail")
    return shown | {"delivery": row.delivery_id} | people.of(row.contact_id)
