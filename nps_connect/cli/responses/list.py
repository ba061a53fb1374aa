"""``nps-connect responses list``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, limit_option, pass_options
from nps_connect.cli._support.output import format_time, last_line, print_json, print_table

if TYPE_CHECKING:
    from nps_connect.ledger.tables import ContactRow, ResponseRow
    from nps_connect.rules.bot_detection import BotSignal

UNCONFIRMED_AFTER = timedelta(days=1)
SEGMENT_BOUNDS = {"promoter": (9, 10), "passive": (7, 8), "detractor": (0, 6)}


@click.command("list", cls=Command)
@click.option("--survey", help="Only answers to this survey.")
@click.option("--segment", type=click.Choice(list(SEGMENT_BOUNDS)), help="Only this segment.")
@click.option("--provisional", is_flag=True, help="Those that nobody has confirmed yet, in place of the confirmed.")
@click.option(
    "--to-confirm", is_flag=True, help="Of those, detractors of a day ago whose visits show no sign of a machine."
)
@limit_option
@json_option
@pass_options
def list_(
    options: Options,
    survey: str | None,
    segment: str | None,
    provisional: bool,
    to_confirm: bool,
    limit: int,
    as_json: bool,
) -> None:
    """List responses, newest first; provisional ones only if asked for.

    A provisional answer is a score that was opened from a mail but never pressed on the page, or one that another press
    contradicted at once: it counts nowhere. Those of detractors deserve a look, if no visit shows a sign of a machine:
    --to-confirm lists them after a day, as long as their link takes answers.
    """
    from sqlalchemy import case, select
    from sqlmodel import col

    from nps_connect.connection import system_clock
    from nps_connect.ledger.tables import ContactRow, ResponseRow
    from nps_connect.records.responses import NPS_SCALE
    from nps_connect.services.responses import unconfirmed_scores

    now, provisional = system_clock(), provisional or to_confirm
    pressed = col(ResponseRow.revision) > 0
    confirmed = pressed & col(ResponseRow.conflicting_at).is_(None)
    score = case((pressed, col(ResponseRow.score)), else_=col(ResponseRow.provisional_score))
    at = case((pressed, col(ResponseRow.answered_at)), else_=col(ResponseRow.provisional_at))
    query = (
        unconfirmed_scores.join_response_tables(select(ResponseRow, ContactRow))
        .where(~confirmed if provisional else confirmed, score.is_not(None))
        .order_by(at.desc(), col(ResponseRow.id).desc())
        .limit(limit + 1)
    )
    if survey is not None:
        query = query.where(col(ResponseRow.survey) == survey)
    if segment is not None:
        query = query.where(score.between(*SEGMENT_BOUNDS[segment]), col(ResponseRow.scale) == NPS_SCALE)
    if to_confirm:
        query = query.where(unconfirmed_scores.awaiting_confirmation_clause(now))
    with options.ledger() as (ledger, settings), ledger.read() as session:
        found = session.execute(query).all()
        signs = unconfirmed_scores.load_bot_signals(
            session, [row.invitation_id for row, _ in found] if provisional else []
        )
        rows = [response_json(row, contact, signs.get(row.invitation_id, ())) for row, contact in found]
    if as_json:
        print_json(rows[:limit])
        return
    print_table(
        [
            "answered",
            "score",
            "segment",
            "survey",
            "touchpoint",
            "contact",
            "comment",
            *(["note"] if provisional else []),
        ],
        [
            (
                format_time(row["answered_at"], settings.core.zone),
                row["score"],
                row["segment"],
                row["survey"],
                row["touchpoint"],
                row["contact"],
                last_line(row["comment"]),
                *([unconfirmed_hint(row, now)] if provisional else []),
            )
            for row in rows[:limit]
        ],
        empty="no provisional responses" if provisional else "no responses",
    )
    if len(rows) > limit:
        click.echo(f"There are more; show them with --limit {limit * 10}.")


def unconfirmed_hint(row: dict[str, Any], now: datetime) -> str | None:
    """What staff should know of an unconfirmed score."""
    from nps_connect.rules.bot_detection import SIGNAL_DESCRIPTIONS

    if row["signs"]:
        return "perhaps a machine: " + "; ".join(SIGNAL_DESCRIPTIONS[sign] for sign in row["signs"])
    waiting = row["segment"] == "detractor" and now - row["answered_at"] >= UNCONFIRMED_AFTER
    return "please look: a detractor without signs of a machine" if waiting else None


def response_json(row: ResponseRow, contact: ContactRow, signs: Sequence[BotSignal]) -> dict[str, Any]:
    """What is told of a response, with the signs of a machine that its visits show."""
    from nps_connect.records.responses import NPS_SCALE, segment_of

    pressed = row.revision > 0
    score = row.score if pressed else row.provisional_score
    return {
        "id": row.public_id,
        "state": "provisional" if not pressed else "conflicting" if row.conflicting_at else "confirmed",
        "revision": row.revision,
        "score": score,
        "segment": segment_of(score) if score is not None and row.scale == NPS_SCALE else None,
        "survey": row.survey,
        "touchpoint": row.touchpoint,
        "language": row.language,
        "comment": row.comment,
        "do_not_contact": row.do_not_contact,
        "contact": f"{contact.connection}:{contact.vendor_id}",
        "answered_at": row.answered_at if pressed else row.provisional_at,
        "signs": ["contradiction"] if row.conflicting_at else [] if pressed else list(signs),
    }
