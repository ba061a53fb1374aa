"""``nps-connect connections list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import format_time, print_json, print_table

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.services.context import Context


@command
def list_(options: Options, as_json: bool) -> None:
    """List connections: plugin, last event, deliveries by state, pauses. Calls no vendor."""
    with options.open_application() as application:
        ctx = application.ctx
        with ctx.ledger.read() as session:
            rows = [_connection_json(ctx, session, name) for name in ctx.connections]
        zone = ctx.settings.core.zone
    if as_json:
        print_json(rows)
        return
    print_table(
        ["name", "plugin", "events", "last event", "pending", "held", "dead", "paused"],
        [
            (
                row["name"],
                row["plugin"],
                row["events"],
                format_time(row["last_event_at"], zone),
                *(row["deliveries"].get(state, 0) for state in ("pending", "held", "dead")),
                ", ".join(row["stopped"]),
            )
            for row in rows
        ],
        empty="no connections",
    )


def _connection_json(ctx: Context, session: Session, name: str) -> dict[str, Any]:
    from nps_connect.ledger import pauses
    from nps_connect.services.operations.connection_findings import count_by_state, is_scope_of, load_last_event

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
