"""``nps-connect responses list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli.lazy import Command
from nps_connect.cli.options import Options, json_option, limit_option, pass_options
from nps_connect.cli.output import line, moment, print_json, print_table

if TYPE_CHECKING:
    from nps_connect.ledger.tables import ContactRow, ResponseRow

BOUNDS = {"promoter": (9, 10), "passive": (7, 8), "detractor": (0, 6)}


@click.command("list", cls=Command)
@click.option("--survey", help="Only answers to this survey.")
@click.option("--segment", type=click.Choice(list(BOUNDS)), help="Only this segment.")
@click.option("--provisional", is_flag=True, help="Those that nobody has confirmed yet, in place of the confirmed.")
@limit_option
@json_option
@pass_options
def list_(
    options: Options, survey: str | None, segment: str | None, provisional: bool, limit: int, as_json: bool
) -> None:
    """List responses, newest first; provisional ones only if asked for.

    A provisional answer is a score that was opened from a mail but never pressed on the page: it counts nowhere.
    """
    from sqlalchemy import select
    from sqlmodel import col

    from nps_connect.ledger.tables import ContactRow, ResponseRow

    score = col(ResponseRow.provisional_score if provisional else ResponseRow.score)
    at = col(ResponseRow.provisional_at if provisional else ResponseRow.answered_at)
    query = (
        select(ResponseRow, ContactRow)
        .join(ContactRow, col(ContactRow.id) == col(ResponseRow.contact_id))
        .where(col(ResponseRow.revision) == 0 if provisional else col(ResponseRow.revision) > 0, score.is_not(None))
        .order_by(at.desc(), col(ResponseRow.id).desc())
        .limit(limit + 1)
    )
    if survey is not None:
        query = query.where(col(ResponseRow.survey) == survey)
    if segment is not None:
        query = query.where(score.between(*BOUNDS[segment]))
    with options.ledger() as (ledger, settings), ledger.read() as session:
        rows = [_facts(response, contact) for response, contact in session.execute(query).all()]
    if as_json:
        print_json(rows[:limit])
        return
    print_table(
        ["answered", "score", "segment", "survey", "touchpoint", "contact", "comment"],
        [
            (
                moment(row["answered_at"], settings.core.zone),
                row["score"],
                row["segment"],
                row["survey"],
                row["touchpoint"],
                row["contact"],
                line(row["comment"]),
            )
            for row in rows[:limit]
        ],
        empty="no provisional responses" if provisional else "no responses",
    )
    if len(rows) > limit:
        click.echo(f"There are more; show them with --limit {limit * 10}.")


def _facts(row: ResponseRow, contact: ContactRow) -> dict[str, Any]:
    from nps_connect.records.responses import segment_of

    confirmed = row.revision > 0
    score = row.score if confirmed else row.provisional_score
    return {
        "id": row.public_id,
        "state": "confirmed" if confirmed else "provisional",
        "revision": row.revision,
        "score": score,
        "segment": None if score is None else segment_of(score),
        "survey": row.survey,
        "touchpoint": row.touchpoint,
        "language": row.language,
        "comment": row.comment,
        "do_not_contact": row.do_not_contact,
        "contact": f"{contact.connection}:{contact.vendor_id}",
        "answered_at": row.answered_at if confirmed else row.provisional_at,
    }
