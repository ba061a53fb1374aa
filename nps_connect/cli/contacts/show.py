"""``nps-connect contacts show``."""

from __future__ import annotations

from datetime import tzinfo
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.completion import complete_contact
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import attributes, format_time, last_line, print_fields, print_json
from nps_connect.cli._support.people import person_json

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.ledger.tables import ContactRow


@command
@click.argument("contact", shell_complete=complete_contact)
def show(options: Options, contact: str, as_json: bool) -> None:
    """Show one contact: suppressions, bounces and responses.

    CONTACT is an e-mail address, the id at a connection, or CONNECTION:ID.
    """
    from nps_connect.services.operations.explain import resolve_contacts

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        rows = resolve_contacts(session, contact, list(settings.connections))
        if not rows:
            raise CommandError("no contact matches; events may name them, see: nps-connect explain CONTACT")
        contacts = [_contact_json(session, row) for row in rows]
    if as_json:
        print_json({"items": contacts, "next_cursor": None})
        return
    for number, details in enumerate(contacts):
        if number:
            click.echo()
        _print(details, options.zone(settings))


def _contact_json(session: Session, row: ContactRow) -> dict[str, Any]:
    from sqlalchemy import select
    from sqlmodel import col

    from nps_connect.ledger.subjects import contact_subjects
    from nps_connect.ledger.suppressions import BounceRow, SuppressionRow
    from nps_connect.ledger.tables import ResponseRow

    subjects = contact_subjects(row.id or 0, row.mailbox)
    suppressions = session.execute(
        select(SuppressionRow).where(col(SuppressionRow.subject).in_(subjects)).order_by(col(SuppressionRow.id))
    ).scalars()
    is_about_contact = col(BounceRow.contact_id) == row.id
    if row.mailbox:
        is_about_contact |= col(BounceRow.mailbox) == row.mailbox
    bounces = session.execute(select(BounceRow).where(is_about_contact).order_by(col(BounceRow.id))).scalars()
    responses = session.execute(
        select(ResponseRow).where(col(ResponseRow.contact_id) == row.id).order_by(col(ResponseRow.id))
    ).scalars()
    return {
        **person_json(row),
        **attributes(row, "email", "name", "language"),
        "opted_out_in_crm": row.opted_out,
        **attributes(row, "deleted_at", "erased_at"),
        "suppressions": [
            {
                "of": "person" if suppression.subject.startswith("c:") else "mailbox",
                **attributes(suppression, "reason", "source"),
                "since": suppression.created_at,
            }
            for suppression in suppressions
        ],
        "bounces": [
            {
                **attributes(bounce, "at", "kind", "status", "source", "detail"),
                "delivery": bounce.delivery_id,
                "address_now": bounce.mailbox == row.mailbox,
            }
            for bounce in bounces
        ],
        "responses": [
            {"id": response.public_id, "score": response.score, "at": response.answered_at} for response in responses
        ],
    }


def _print(contact: dict[str, Any], zone: tzinfo) -> None:
    lists = ("suppressions", "bounces", "responses")
    print_fields({name: value for name, value in contact.items() if name not in lists}, zone)
    if contact["suppressions"]:
        click.echo("\nsuppressed:")
    for suppression in contact["suppressions"]:
        since = format_time(suppression["since"], zone)
        click.echo(f"  {since}  {suppression['of']}: {suppression['reason']} ({suppression['source']})")
    if contact["bounces"]:
        click.echo("\nbounces:")
    for bounce in contact["bounces"]:
        earlier = "" if bounce["address_now"] else ", earlier address"
        effect = "" if bounce["delivery"] else ", about none of our mails: no effect"
        click.echo(
            f"  {format_time(bounce['at'], zone)}  {bounce['kind']} {bounce['status'] or ''} "
            f"({bounce['source']}{earlier}{effect}) {last_line(bounce['detail']) or ''}".rstrip()
        )
    if contact["responses"]:
        click.echo("\nresponses:")
    for response in contact["responses"]:
        score = "not confirmed" if response["at"] is None else response["score"]
        click.echo(f"  {format_time(response['at'], zone) or '-':<19}  {score}  {response['id']}")
