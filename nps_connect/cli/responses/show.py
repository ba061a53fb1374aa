"""``nps-connect responses show``."""

from __future__ import annotations

from datetime import tzinfo
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, pass_options
from nps_connect.cli._support.output import format_time, print_fields, print_json

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.ledger.tables import ResponseRow


@click.command(cls=Command)
@click.argument("response_id", metavar="ID")
@json_option
@pass_options
def show(options: Options, response_id: str, as_json: bool) -> None:
    """Show one response: every change of it, and every visit with the signs of a machine that it shows.

    A sign proves nothing: it tells staff how far an unconfirmed score may be believed.
    """
    from sqlalchemy import select
    from sqlmodel import col

    from nps_connect.ledger.tables import ResponseRow

    with options.ledger() as (ledger, settings), ledger.read() as session:
        row = session.execute(select(ResponseRow).where(col(ResponseRow.public_id) == response_id)).scalar()
        if row is None:
            raise CommandError(f"there is no response {response_id}; see: nps-connect responses list")
        told = _response_json(session, row)
    if as_json:
        print_json(told)
    else:
        _print(told, settings.core.zone)


def _response_json(session: Session, row: ResponseRow) -> dict[str, Any]:
    from sqlalchemy import select
    from sqlmodel import col

    from nps_connect.cli.responses.list import response_json
    from nps_connect.ledger.tables import ContactRow, PageViewRow, RevisionRow
    from nps_connect.rules.bot_detection import SIGNAL_DESCRIPTIONS, parse_signals
    from nps_connect.services.responses.unconfirmed_scores import load_bot_signals

    contact = session.get(ContactRow, row.contact_id)
    if contact is None:
        raise CommandError(f"response {row.public_id} belongs to nobody")
    revisions = session.execute(
        select(RevisionRow).where(col(RevisionRow.response_id) == row.id).order_by(col(RevisionRow.revision))
    ).scalars()
    mine = (col(PageViewRow.invitation_id) == row.invitation_id) | (col(PageViewRow.response_id) == row.id)
    visits = session.execute(select(PageViewRow).where(mine).order_by(col(PageViewRow.id))).scalars()
    return {
        **response_json(row, contact, load_bot_signals(session, [row.invitation_id]).get(row.invitation_id, ())),
        "scale": row.scale,
        "follow_up": row.follow_up,
        "revisions": [
            {
                "revision": one.revision,
                "at": one.at,
                "score": one.score,
                "comment": one.comment,
                "follow_up": one.follow_up,
                "do_not_contact": one.do_not_contact,
                "send_pressed": one.is_final,
            }
            for one in revisions
        ],
        "visits": [
            {
                "at": one.at,
                "page": one.purpose if one.platform is None else f"{one.purpose} ({one.platform})",
                "method": one.method,
                "score": one.score,
                "network": one.address,
                "agent": one.agent,
                "signs": list(parse_signals(one.bot_signals)),
                "signs_told": [SIGNAL_DESCRIPTIONS[sign] for sign in parse_signals(one.bot_signals)],
            }
            for one in visits
        ],
    }


def _print(told: dict[str, Any], zone: tzinfo) -> None:
    lists = ("revisions", "visits", "follow_up")
    print_fields((k, format_time(v, zone) if k == "answered_at" else v) for k, v in told.items() if k not in lists)
    for one in told["follow_up"]:
        click.echo(f"\n{one['question']}\n  {one['answer']}")
    for one in told["revisions"]:
        click.echo(f"\nrevision {one['revision']}  {format_time(one['at'], zone)}  score {one['score']}")
        if one["comment"]:
            click.echo(f"  {one['comment']}")
    if told["visits"]:
        click.echo("\nvisits:")
    for one in told["visits"]:
        score = "" if one["score"] is None else f" score {one['score']}"
        signs = f"  [{'; '.join(one['signs_told'])}]" if one["signs"] else ""
        click.echo(
            f"  {format_time(one['at'], zone)}  {one['method']} {one['page']}{score} {one['network'] or ''}{signs}"
        )
