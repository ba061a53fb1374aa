"""``nps-connect events list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.event_selection import event_filter_options, parse_event_selection
from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, limit_option, pass_options
from nps_connect.cli._support.output import format_time, last_line, print_json, print_table

if TYPE_CHECKING:
    from nps_connect.ledger.tables import EventRow, RawRequest


@click.command("list", cls=Command)
@event_filter_options
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
    from nps_connect.ledger.tables import EventRow, RawRequest
    from nps_connect.services.intake.replay import find_rows

    with options.ledger() as (ledger, settings), ledger.read() as session:
        wanted = parse_event_selection(session, settings, given)
        rows = [event_json(row) for row in find_rows(session, RawRequest if given["raw"] else EventRow, wanted, limit)]
    if as_json:
        print_json(rows)
        return
    print_table(
        ["id", "received", "connection", "what", "state", "source", "error"],
        [
            (
                row["id"],
                format_time(row["received_at"], settings.core.zone),
                row["connection"],
                row["what"],
                row["state"],
                row["source"],
                last_line(row["last_error"]),
            )
            for row in rows
        ],
        empty="nothing came in",
    )


def event_json(row: EventRow | RawRequest) -> dict[str, Any]:
    """What may be told of an event or a raw request; personal data stays inside."""
    event = hasattr(row, "kind")
    return {
        "id": row.id,
        "connection": row.connection,
        "what": f"{row.kind} {row.object_id}" if event else f"{row.events_new} new, {row.events_duplicate} known",  # type: ignore[union-attr]
        "key": row.key if event else None,  # type: ignore[union-attr]
        "source": row.source if event else "webhook",  # type: ignore[union-attr]
        "state": row.state,
        "received_at": row.received_at,
        "occurred_at": row.occurred_at if event else None,  # type: ignore[union-attr]
        "attempts": row.attempts,
        "last_error": row.last_error,
    }
