"""``nps-connect connections list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_rows

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.services.context import Context

COLUMNS = {
    "name": "name",
    "plugin": "plugin",
    "events": "events",
    "last event": "last_event_at",
    "pending": lambda row: row["deliveries"].get("pending", 0),
    "held": lambda row: row["deliveries"].get("held", 0),
    "dead": lambda row: row["deliveries"].get("dead", 0),
    "paused": lambda row: ", ".join(row["stopped"]),
}


@command
def list_(options: Options, as_json: bool) -> None:
    """List connections: plugin, last event, deliveries by state, pauses. Calls no vendor."""
    with options.open_application() as application:
        ctx = application.ctx
        with ctx.ledger.read() as session:
            rows = [_connection_json(ctx, session, name) for name in ctx.connections]
        zone = ctx.settings.core.zone
    print_rows(rows, COLUMNS, empty="no connections", as_json=as_json, zone=zone)


def _connection_json(ctx: Context, session: Session, name: str) -> dict[str, Any]:
    from nps_connect.ledger import pauses
    from nps_connect.services.operations.load_connections import count_by_state, is_scope_of, load_last_event

    info, event = ctx.connector_info(name), load_last_event(session, name)
    return {
        "name": name,
        "plugin": info.name,
        "title": info.title,
        "events": ctx.connections[name].settings.events,
        "actions": [supported.action for supported in info.actions],
        "last_event": event.kind if event else None,
        "last_event_at": event.received_at if event else None,
        "deliveries": count_by_state(session, name),
        "stopped": {
            scope: row.reason for scope, row in pauses.load_pauses(session).items() if is_scope_of(scope, name)
        },
    }
