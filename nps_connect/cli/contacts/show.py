"""``nps-connect contacts show``."""

from __future__ import annotations

from datetime import tzinfo
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, pass_options
from nps_connect.cli._support.output import format_time, last_line, print_fields, print_json

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.ledger.tables import ContactRow


@click.command(cls=Command)
@click.argument("contact")
@json_option
@pass_options
def show(options: Options, contact: str, as_json: bool) -> None:
    """Show one person: may they be written to, what came back, what they answered.

    CONTACT is an e-mail address, the id at a connection, or CONNECTION:ID.
    """
    from nps_connect.services.operations.explain import resolve_contacts

    with options.ledger() as (ledger, settings), ledger.read() as session:
        people = resolve_contacts(session, contact, list(settings.connections))
        if not people:
            raise CommandError("nobody like that is known; see: nps-connect explain CONTACT")
        told = [_contact_json(session, person) for person in people]
    if as_json:
        print_json(told)
        return
    for number, person in enumerate(told):
        if number:
            click.echo()
        _print(person, settings.core.zone)


def _contact_json(session: Session, row: ContactRow) -> dict[str, Any]:
    from sqlalchemy import select
    from sqlmodel import col

    from nps_connect.ledger.bounces import BounceRow
    from nps_connect.ledger.subjects import contact_subjects
    from nps_connect.ledger.suppressions import SuppressionRow
    from nps_connect.ledger.tables import ResponseRow

    subjects = contact_subjects(row.id or 0, row.mailbox)
    suppressions = session.execute(
        select(SuppressionRow).where(col(SuppressionRow.subject).in_(subjects)).order_by(col(SuppressionRow.id))
    ).scalars()
    about = col(BounceRow.contact_id) == row.id
    if row.mailbox:
        about |= col(BounceRow.mailbox) == row.mailbox
    came_back = session.execute(select(BounceRow).where(about).order_by(col(BounceRow.id))).scalars()
    answers = session.execute(
        select(ResponseRow).where(col(ResponseRow.contact_id) == row.id).order_by(col(ResponseRow.id))
    ).scalars()
    return {
        "contact": f"{row.connection}:{row.vendor_id}",
        "email": row.email,
        "name": row.name,
        "language": row.language,
        "opted_out_in_crm": row.opted_out,
        "deleted_at": row.deleted_at,
        "erased_at": row.erased_at,
        "suppressions": [
            {
                "of": "mailbox" if one.subject.startswith("m:") else "person",
                "reason": one.reason,
                "source": one.source,
                "since": one.created_at,
            }
            for one in suppressions
        ],
        "bounces": [
            {
                "at": one.at,
                "kind": one.kind,
                "status": one.status,
                "source": one.source,
                "delivery": one.delivery_id,
                "detail": one.detail,
                "address_now": one.mailbox == row.mailbox,
            }
            for one in came_back
        ],
        "responses": [{"id": one.public_id, "score": one.score, "at": one.answered_at} for one in answers],
    }


def _print(told: dict[str, Any], zone: tzinfo) -> None:
    lists = ("suppressions", "bounces", "responses")
    times = ("deleted_at", "erased_at")
    print_fields((name, format_time(v, zone) if name in times else v) for name, v in told.items() if name not in lists)
    if told["suppressions"]:
        click.echo("\nnot written to:")
    for one in told["suppressions"]:
        click.echo(f"  {format_time(one['since'], zone)}  the {one['of']}: {one['reason']} ({one['source']})")
    if told["bounces"]:
        click.echo("\ncame back:")
    for one in told["bounces"]:
        earlier = "" if one["address_now"] else ", an earlier address"
        click.echo(
            f"  {format_time(one['at'], zone)}  {one['kind']} {one['status'] or ''} ({one['source']}{earlier}) "
            f"{last_line(one['detail']) or ''}".rstrip()
        )
    if told["responses"]:
        click.echo("\nanswered:")
    for one in told["responses"]:
        score = "not confirmed" if one["at"] is None else one["score"]
        click.echo(f"  {format_time(one['at'], zone) or '-':<19}  {score}  {one['id']}")
