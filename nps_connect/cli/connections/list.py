"""``nps-connect connections list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli.lazy import Command
from nps_connect.cli.options import Options, json_option, pass_options
from nps_connect.cli.output import moment, print_json, print_table

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.flows.context import Context


@click.command("list", cls=Command)
@json_option
@pass_options
def list_(options: Options, as_json: bool) -> None:
    """List the configured accounts: plugin, last event, what is stopped, what failed. No vendor is called."""
    with options.application() as application:
        ctx = application.ctx
        with ctx.ledger.read() as session:
            rows = [_facts(ctx, session, name) for name in ctx.connections]
        zone = ctx.settings.core.zone
    if as_json:
        print_json(rows)
        return
    print_table(
        ["name", "plugin", "events", "last event", "pending", "held", "dead", "stopped"],
        [
            (
                row["name"],
                row["plugin"],
                row["events"],
                moment(row["last_event_at"], zone),
                *(row["deliveries"].get(state, 0) for state in ("pending", "held", "dead")),
                ", ".join(row["stopped"]),
            )
            for row in rows
        ],
        empty="no connections",
    )


def _facts(ctx: Context, session: Session, name: str) -> dict[str, Any]:
    from nps_connect.flows.minding.standing import concerns, counts, last_event
    from nps_connect.ledger import pauses

    info, event = ctx.info_of(name), last_event(session, name)
    return {
        "name": name,
        "plugin": info.name,
        "title": info.title,
        "events": ctx.connections[name].settings.events,
        "actions": [known.action for known in info.actions],
        "last_event": event.kind if event else None,
        "last_event_at": event.received_at if event else None,
        "deliveries": counts(session, name),
        "stopped": {scope: row.reason for scope, row in pauses.current(session).items() if concerns(scope, name)},
    }
