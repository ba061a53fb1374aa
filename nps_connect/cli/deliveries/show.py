"""``nps-connect deliveries show``."""

from __future__ import annotations

import json
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.completion import complete_id
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import attributes, format_time, print_fields, print_json
from nps_connect.cli.deliveries.list import deliveries_json, describe_attempts

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.ledger.tables import DeliveryRow

ATTEMPT_COLUMNS = ("started_at", "finished_at", "outcome", "message", "status", "request_id", "exchange")


@command
@click.argument("delivery_id", metavar="ID", type=int, shell_complete=complete_id("tables.DeliveryRow"))
def show(options: Options, delivery_id: int, as_json: bool) -> None:
    """Show one delivery with all attempts and the redacted exchange with the vendor."""
    from sqlalchemy import select
    from sqlmodel import col

    from nps_connect.ledger.tables import AttemptRow, DeliveryRow

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        row = session.get(DeliveryRow, delivery_id)
        if row is None:
            raise CommandError(f"there is no delivery {delivery_id}; see: nps-connect deliveries list")
        query = select(AttemptRow).where(col(AttemptRow.delivery_id) == delivery_id).order_by(col(AttemptRow.id))
        attempts = list(session.execute(query).scalars())
        details = {
            **deliveries_json(session, settings, [row])[0],
            **_subject_json(session, row),
            "tries": [attributes(attempt, *ATTEMPT_COLUMNS) for attempt in attempts],
        }
    if as_json:
        print_json(details)
    else:
        _print(details, options.zone(settings))


def _subject_json(session: Session, row: DeliveryRow) -> dict[str, Any]:
    """Return response and survey of the delivery."""
    from nps_connect.ledger.tables import InvitationRow, ResponseRow

    response = session.get(ResponseRow, row.response_id) if row.response_id else None
    invitation = session.get(InvitationRow, row.invitation_id) if row.invitation_id else None
    return {
        "response": response.public_id if response else None,
        "survey": (response or invitation).survey if response or invitation else None,  # type: ignore[union-attr]
    }


def _print(details: dict[str, Any], zone: tzinfo) -> None:
    fields = {name: value for name, value in details.items() if name not in ("tries", "max_attempts")}
    print_fields(fields | {"attempts": describe_attempts(details)}, zone)
    for number, attempt in enumerate(details["tries"], start=1):
        status = f", status {attempt['status']}" if attempt["status"] else ""
        request = f", request {attempt['request_id']}" if attempt["request_id"] else ""
        click.echo(f"\ntry {number}  {format_time(attempt['started_at'], zone)}  {attempt['outcome']}{status}{request}")
        if attempt["message"]:
            click.echo(f"  {attempt['message']}")
        if attempt["exchange"]:
            click.echo(f"  {json.dumps(attempt['exchange'], ensure_ascii=False)}")
