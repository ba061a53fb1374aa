"""``nps-connect responses show``."""

from __future__ import annotations

from datetime import tzinfo
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.completion import complete_id
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import attributes, format_time, print_fields, print_json

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.ledger.tables import ResponseRow


@command
@click.argument("response_id", metavar="ID", shell_complete=complete_id("tables.ResponseRow", "public_id"))
def show(options: Options, response_id: str, as_json: bool) -> None:
    """Show one response with all revisions, page views and bot signals. ID may be the beginning of an id.

    A bot signal proves nothing; it indicates how far to trust an unconfirmed score.
    """
    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        details = _response_json(session, find_response(session, response_id))
    if as_json:
        print_json(details)
    else:
        _print(details, options.zone(settings))


def find_response(session: Session, beginning: str) -> ResponseRow:
    """Return the only response whose id begins like this.

    Raises:
        CommandError: there is none, or several.
    """
    from sqlalchemy import select
    from sqlmodel import col

    from nps_connect.ledger.tables import ResponseRow

    public_id = col(ResponseRow.public_id)
    query = select(ResponseRow).where(public_id >= beginning, public_id < f"{beginning}~").limit(2)
    rows: list[ResponseRow] = list(session.execute(query).scalars())
    if not rows or not beginning:
        raise CommandError(f"there is no response {beginning}; see: nps-connect responses list")
    if len(rows) > 1:
        raise CommandError(f"several responses have an id that begins with {beginning}; give more of it")
    return rows[0]


def _response_json(session: Session, row: ResponseRow) -> dict[str, Any]:
    from sqlalchemy import select
    from sqlmodel import col

    from nps_connect.cli.responses.list import response_json
    from nps_connect.ledger.tables import ContactRow, PageViewRow, RevisionRow
    from nps_connect.rules.bot_detection import SIGNAL_DESCRIPTIONS, parse_signals
    from nps_connect.services.responses.unconfirmed_scores import load_bot_signals

    contact = session.get(ContactRow, row.contact_id)
    if contact is None:
        raise CommandError(f"the contact of response {row.public_id} is missing")
    revisions = session.execute(
        select(RevisionRow).where(col(RevisionRow.response_id) == row.id).order_by(col(RevisionRow.revision))
    ).scalars()
    is_of_response = (col(PageViewRow.invitation_id) == row.invitation_id) | (col(PageViewRow.response_id) == row.id)
    page_views = session.execute(select(PageViewRow).where(is_of_response).order_by(col(PageViewRow.id))).scalars()
    return {
        **response_json(row, contact, load_bot_signals(session, [row.invitation_id]).get(row.invitation_id, ())),
        "scale": row.scale,
        "follow_up": row.follow_up,
        "tags": row.tags or [],
        "notes": row.notes or [],
        "revisions": [
            attributes(revision, "revision", "at", "score", "comment", "follow_up", "do_not_contact")
            | {"send_pressed": revision.is_final}
            for revision in revisions
        ],
        "visits": [
            {
                **attributes(view, "at", "method", "score", "agent"),
                "page": view.purpose if view.platform is None else f"{view.purpose} ({view.platform})",
                "network": view.address,
                "signs": list(parse_signals(view.bot_signals)),
                "sign_descriptions": [SIGNAL_DESCRIPTIONS[signal] for signal in parse_signals(view.bot_signals)],
            }
            for view in page_views
        ],
    }


def _print(response: dict[str, Any], zone: tzinfo) -> None:
    lists = ("revisions", "visits", "follow_up", "notes", "tags")
    fields = {name: value for name, value in response.items() if name not in lists}
    print_fields({**fields, **({"tags": ", ".join(response["tags"])} if response["tags"] else {})}, zone)
    for note in response["notes"]:
        click.echo(f"\nnote  {note.get('at', '')}\n  {note['text']}")
    for follow_up in response["follow_up"]:
        click.echo(f"\n{follow_up['question']}\n  {follow_up['answer']}")
    for revision in response["revisions"]:
        at = format_time(revision["at"], zone)
        click.echo(f"\nrevision {revision['revision']}  {at}  score {revision['score']}")
        if revision["comment"]:
            click.echo(f"  {revision['comment']}")
    if response["visits"]:
        click.echo("\npage views:")
    for view in response["visits"]:
        score = "" if view["score"] is None else f" score {view['score']}"
        signals = f"  [{'; '.join(view['sign_descriptions'])}]" if view["signs"] else ""
        at, network = format_time(view["at"], zone), view["network"] or ""
        click.echo(f"  {at}  {view['method']} {view['page']}{score} {network}{signals}")
