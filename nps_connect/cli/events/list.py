"""``nps-connect events list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nps_connect.cli._support.event_selection import event_filter_options, parse_event_selection
from nps_connect.cli._support.options import Options, command, limit_option
from nps_connect.cli._support.output import attributes, last_line, print_rows

if TYPE_CHECKING:
    from nps_connect.ledger.tables import EventRow, RawRequest

COLUMNS = {
    "id": "id",
    "received": "received_at",
    "connection": "connection",
    "event": "what",
    "state": "state",
    "source": "source",
    "error": lambda row: last_line(row["last_error"]),
}


@command
@event_filter_options
@limit_option
def list_(
    options: Options,
    /,
    limit: int,
    as_json: bool,
    **filters: Any,  # noqa: ANN401  # texts and flags
) -> None:
    """List events, or raw webhooks with --raw, newest first."""
    from nps_connect.ledger.tables import EventRow, RawRequest
    from nps_connect.services.intake.replay import find_rows

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        selection = parse_event_selection(session, settings, filters)
        table = RawRequest if filters["raw"] else EventRow
        rows = [event_json(row) for row in find_rows(session, table, selection, limit)]
    print_rows(rows, COLUMNS, empty="no events", as_json=as_json, zone=settings.core.zone)


def event_json(row: EventRow | RawRequest) -> dict[str, Any]:
    """Return an event or a raw webhook for ``--json``, without personal data."""
    from nps_connect.ledger.tables import EventRow

    shared = attributes(row, "id", "connection", "state", "received_at", "attempts", "last_error")
    if isinstance(row, EventRow):
        return shared | attributes(row, "key", "source", "occurred_at") | {"what": f"{row.kind} {row.object_id}"}
    name = f"{row.events_new} new, {row.events_duplicate} duplicate"
    return shared | {"key": None, "source": "webhook", "occurred_at": None, "what": name}
