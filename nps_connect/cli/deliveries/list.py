"""``nps-connect deliveries list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import click

from nps_connect.cli._support.options import Options, command, limit_option
from nps_connect.cli._support.output import attributes, last_line, print_rows

if TYPE_CHECKING:
    from nps_connect.ledger.tables import DeliveryRow
    from nps_connect.services.links import Links
    from nps_connect.settings.model import Settings

STATES = ("pending", "running", "succeeded", "skipped", "dead", "cancelled", "held")


@command
@click.option("--state", type=click.Choice(STATES), multiple=True, help="Only this state; repeatable.")
@click.option("--connection", help="Only this connection.")
@click.option("--action", help="Only this action, such as open_ticket.")
@limit_option
def list_(
    options: Options, state: tuple[str, ...], connection: str | None, action: str | None, limit: int, as_json: bool
) -> None:
    """List deliveries, newest first."""
    from sqlalchemy import select
    from sqlmodel import col

    from nps_connect.ledger.tables import DeliveryRow
    from nps_connect.records.deliveries import Action

    if action is not None and action not in get_args(Action):
        raise click.BadParameter(f"one of {', '.join(get_args(Action))}", param_hint="--action")
    query = select(DeliveryRow).order_by(col(DeliveryRow.id).desc()).limit(limit + 1)
    if state:
        query = query.where(col(DeliveryRow.state).in_(state))
    if connection is not None:
        query = query.where(col(DeliveryRow.connection) == connection)
    if action is not None:
        query = query.where(col(DeliveryRow.action) == action)
    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        links = build_links(settings)
        rows = [delivery_json(row, links) for row in session.execute(query).scalars()]
    print_rows(rows, COLUMNS, empty="no deliveries", as_json=as_json, zone=settings.core.zone, limit=limit)


def _details(row: dict[str, Any]) -> str | None:
    if row["message_id"]:
        return f"{row['hold'] or 'in doubt'}: Message-ID {row['message_id']}"
    return last_line(
        row["hold"] or row["last_error"] or row["receipt_note"] or row["receipt_link"] or row["receipt_id"]
    )


COLUMNS = {
    "id": "id",
    "state": "state",
    "action": "action",
    "connection": "connection",
    "due": "due_at",
    "attempts": "attempts",
    "details": _details,
}


def build_links(settings: Settings) -> Links:
    """Return what computes the ``Message-ID`` of mails."""
    from nps_connect.services.links import Links

    return Links(settings.core.url, [key.get_secret_value() for key in settings.core.signing_keys])


def delivery_json(row: DeliveryRow, links: Links) -> dict[str, Any]:
    """Return a delivery for ``--json``, without its payload, which contains personal data.

    `message_id` is the part before the @, of mail in doubt only: the log of the mail server knows it.
    """
    from nps_connect.app.actions import ACTIONS
    from nps_connect.records.deliveries import hold_text
    from nps_connect.services.deliveries.settle_in_doubt import in_doubt_message_id

    names = ("id", "key", "state", "action", "connection", "due_at", "attempts", "in_doubt", "error_kind", "last_error")
    receipt = attributes(row, "receipt_id", "receipt_link", "receipt_note", "created_at", "finished_at")
    hold = hold_text(row.hold_code, row.hold_detail)
    message_id = in_doubt_message_id(row, ACTIONS, links)
    return attributes(row, *names) | {"hold": hold, "message_id": message_id, "waits_for": row.depends_on_id} | receipt
