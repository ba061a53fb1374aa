"""``nps-connect events list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli.events.choosing import choosing, chosen
from nps_connect.cli.lazy import Command
from nps_connect.cli.options import Options, json_option, limit_option, pass_options
from nps_connect.cli.output import line, moment, print_json, print_table

if TYPE_CHECKING:
    from nps_connect.ledger.tables import EventRow, RawRequest


@click.command("list", cls=Command)
@choosing
@limit_option
@json_option
@pass_options
def list_(
    options: Options,
    /,
    limit: int,
    as_json: bool,
    **given: Any,  # noqa: ANN401  # texts and flags
) -> None:
    """List what came in, newest first."""
    from nps_connect.flows.intake.replay import find
    from nps_connect.ledger.tables import EventRow, RawRequest

    with options.ledger() as (ledger, settings), ledger.read() as session:
        wanted = chosen(session, settings, given)
        rows = [facts(row) for row in find(session, RawRequest if given["raw"] else EventRow, wanted, limit)]
    if as_json:
        print_json(rows)
        return
    print_table(
        ["id", "received", "connection", "what", "state", "source", "error"],
        [
            (
                row["id"],
                moment(row["received_at"], settings.core.zone),
                row["connection"],
                row["what"],
                row["state"],
                row["source"],
                line(row["last_error"]),
            )
            for row in rows
        ],
        empty="nothing came in",
    )


def facts(row: EventRow | RawRequest) -> dict[str, Any]:
    """What may be told of an event or a raw request; personal data stays inside."""
    event = hasattr(row, "kind")
    return {
        "id": row.id,
        "connection": row.connection,
        "what": f"{row.kind} {row.object_id}" if event else f"{row.events_new} new, {row.events_known} known",  # type: ignore[union-attr]
        "key": row.key if event else None,  # type: ignore[union-attr]
        "source": row.source if event else "webhook",  # type: ignore[union-attr]
        "state": row.state,
        "received_at": row.received_at,
        "occurred_at": row.occurred_at if event else None,  # type: ignore[union-attr]
        "attempts": row.attempts,
        "last_error": row.last_error,
    }
