"""``nps-connect deliveries list``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.completion import complete_action
from nps_connect.cli._support.list_options import ListFilters, encode_cursor, list_options
from nps_connect.cli._support.names import require_action
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import attributes, last_line, print_list
from nps_connect.cli._support.people import load_people_names, short_person

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.ledger.tables import DeliveryRow
    from nps_connect.services.links import Links
    from nps_connect.settings.model import Settings

STATES = ("pending", "running", "succeeded", "skipped", "dead", "cancelled", "held")


@command
@list_options(states=STATES)
@click.option("--action", help="Only this action, such as open_ticket.", shell_complete=complete_action)
@click.option("--error", help="Only with this kind of error, or this text in the error.")
def list_(options: Options, filters: ListFilters, action: str | None, error: str | None, as_json: bool) -> None:
    """List deliveries, newest first."""
    from sqlalchemy import select
    from sqlmodel import col

    from nps_connect.ledger.list_page import load_page
    from nps_connect.ledger.tables import DeliveryRow
    from nps_connect.services.deliveries.operator_actions import DeliverySelection

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        since, until = filters.period(settings)
        selection = DeliverySelection(
            states=filters.state,
            contacts=filters.contact_ids(session, settings),
            connection=filters.known_connection(session, settings, col(DeliveryRow.connection)),
            action=require_action(action),
            error=error,
            since=since,
            until=until,
        )
        query = select(DeliveryRow).where(*selection.conditions())
        page = load_page(session, query, [col(DeliveryRow.id)], limit=filters.limit, after=filters.after("deliveries"))
        rows = deliveries_json(session, settings, [row for (row,) in page.rows])
    next_cursor = encode_cursor("deliveries", page.next_key)
    zone = options.zone(settings)
    print_list(rows, COLUMNS, empty="no deliveries", as_json=as_json, zone=zone, next_cursor=next_cursor)


def _details(row: Mapping[str, Any]) -> str:
    text = row["hold"] or row["last_error"] or row["receipt_note"]
    if row["message_id"]:
        text = f"{row['hold'] or 'in doubt'}: Message-ID {row['message_id']}"
    parts = [row["webhook"], describe_attempts(row) if row["state"] != "succeeded" else None, last_line(text)]
    return "; ".join(part for part in parts if part)


COLUMNS = {
    "id": "id",
    "state": "state",
    "action": "action",
    "connection": "connection",
    "person": short_person,
    "due": "due_at",
    "details": _details,
}


def describe_attempts(row: Mapping[str, Any]) -> str | None:
    """Return how often a delivery was tried, such as ``attempt 3 of 10``; None if it was not."""
    return f"attempt {row['attempts']} of {row['max_attempts']}" if row["attempts"] else None


def build_links(settings: Settings) -> Links:
    """Return what computes the ``Message-ID`` of mails."""
    from nps_connect.services.links import Links

    return Links(settings.core.url, [key.get_secret_value() for key in settings.core.signing_keys])


def deliveries_json(session: Session, settings: Settings, rows: list[DeliveryRow]) -> list[dict[str, Any]]:
    """Return deliveries for ``--json``, without their payloads.

    `message_id` is the part before the @, of mail in doubt only: the log of the mail server knows it.
    """
    from nps_connect.app.actions import ACTIONS
    from nps_connect.records.actions import hold_text
    from nps_connect.services.action_spec import WEBHOOK_OPTION
    from nps_connect.services.deliveries.operator_actions import count_attempts
    from nps_connect.services.deliveries.settle_in_doubt import in_doubt_message_id

    links, people = build_links(settings), load_people_names(session, [row.contact_id for row in rows])
    return [
        attributes(row, "id", "key", "state", "action", "connection")
        | people.of(row.contact_id)
        | attributes(row, "due_at", "in_doubt", "error_kind", "last_error")
        | {
            "attempts": count_attempts(row),
            "max_attempts": len(ACTIONS[row.action].plan(settings).delays) + 1,
            "hold": hold_text(row.hold_code, row.hold_detail),
            "message_id": in_doubt_message_id(row, ACTIONS, links),
            "waits_for": row.depends_on_id,
            "webhook": row.options.get(WEBHOOK_OPTION),
        }
        | attributes(row, "receipt_id", "receipt_link", "receipt_note", "created_at", "finished_at")
        for row in rows
    ]
