"""``nps-connect connections list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nps_connect.cli._support.list_options import ListFilters, list_options
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_list

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.settings.model import Settings

COLUMNS = {
    "name": "name",
    "plugin": "plugin",
    "events": "events",
    "last event": "last_event_at",
    "pending": lambda row: row["deliveries"].get("pending", 0),
    "held": lambda row: row["deliveries"].get("held", 0),
    "dead": lambda row: row["deliveries"].get("dead", 0),
    "paused": lambda row: ", ".join(row["paused"]),
}


@command
@list_options(contact=False, period=False, pages=False)
def list_(options: Options, filters: ListFilters, as_json: bool) -> None:
    """List connections: plugin, last event, deliveries by state, pauses. Calls no vendor."""
    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        chosen = filters.known_connection(session, settings)
        rows = connections_json(session, settings, list(settings.connections) if chosen is None else [chosen])
    print_list(rows, COLUMNS, empty="no connections", as_json=as_json, zone=options.zone(settings))


def connections_json(session: Session, settings: Settings, names: list[str]) -> list[dict[str, Any]]:
    """Return connections for ``--json``, from the configuration and the ledger alone.

    `paused` has the reason of each pause by its scope; customer mail can be paused as a whole too.
    """
    from nps_connect.ledger import pauses
    from nps_connect.services.operations.load_connections import count_by_state, is_scope_of, load_last_event

    paused = pauses.load_pauses(session)
    rows = []
    for name in names:
        table, event = settings.connections[name], load_last_event(session, name)
        rows.append(
            {
                "name": name,
                "plugin": table.get("plugin"),
                "events": table.get("events", "none"),
                "last_event": event.kind if event else None,
                "last_event_at": event.received_at if event else None,
                "deliveries": count_by_state(session, name),
                "paused": {scope: row.reason for scope, row in paused.items() if is_scope_of(scope, name)},
            }
        )
    return rows
