"""``nps-connect events list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nps_connect.cli._support.event_selection import event_filter_options, parse_event_selection
from nps_connect.cli._support.list_options import ListFilters, encode_cursor
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import attributes, last_line, print_list
from nps_connect.cli._support.people import People, load_people_names, short_person

if TYPE_CHECKING:
    from nps_connect.ledger.tables import EventRow, RawRequest

COLUMNS = {
    "id": "id",
    "received": "received_at",
    "connection": "connection",
    "event": "what",
    "state": "state",
    "person": short_person,
    "error": lambda row: last_line(row["last_error"]),
}


@command
@event_filter_options(pages=True)
def list_(options: Options, filters: ListFilters, kind: str | None, raw: bool, as_json: bool) -> None:
    """List events, or raw webhooks with --raw, newest first."""
    from nps_connect.ledger.tables import EventRow, RawRequest
    from nps_connect.services.intake.replay import find_rows

    list_kind = "webhooks" if raw else "events"
    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        selection = parse_event_selection(session, settings, filters, kind=kind, raw=raw)
        table = RawRequest if raw else EventRow
        page = find_rows(session, table, selection, filters.limit, filters.after(list_kind))
        people = load_people_names(session, [getattr(row, "contact_id", None) for (row,) in page.rows])
        rows = [event_json(row, people) for (row,) in page.rows]
    next_cursor = encode_cursor(list_kind, page.next_key)
    zone = options.zone(settings)
    print_list(rows, COLUMNS, empty=f"no {list_kind}", as_json=as_json, zone=zone, next_cursor=next_cursor)


def event_json(row: EventRow | RawRequest, people: People) -> dict[str, Any]:
    """Return an event or a raw webhook for ``--json``."""
    from nps_connect.ledger.tables import EventRow

    shared = attributes(row, "id", "connection", "state", "received_at", "attempts", "last_error")
    if isinstance(row, EventRow):
        what = {"what": f"{row.kind} {row.object_id}", **people.of(row.contact_id)}
        return shared | attributes(row, "key", "source", "occurred_at") | what
    what = {"what": f"{row.events_new} new, {row.events_duplicate} duplicate", **people.of(None)}
    return shared | {"key": None, "source": "webhook", "occurred_at": None} | what
