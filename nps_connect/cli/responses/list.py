"""``nps-connect responses list``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.options import Options, command, limit_option
from nps_connect.cli._support.output import attributes, last_line, print_rows

if TYPE_CHECKING:
    from nps_connect.ledger.tables import ContactRow, ResponseRow
    from nps_connect.rules.bot_detection import BotSignal

UNCONFIRMED_AFTER = timedelta(days=1)
SEGMENT_BOUNDS = {"promoter": (9, 10), "passive": (7, 8), "detractor": (0, 6)}
COLUMNS = {
    "answered": "answered_at",
    "score": "score",
    "segment": "segment",
    "survey": "survey",
    "touchpoint": "touchpoint",
    "contact": "contact",
    "comment": lambda row: last_line(row["comment"]),
}


@command
@click.option("--survey", help="Only this survey.")
@click.option("--segment", type=click.Choice(list(SEGMENT_BOUNDS)), help="Only this segment.")
@click.option("--provisional", is_flag=True, help="Provisional responses instead of confirmed ones.")
@click.option(
    "--to-confirm", is_flag=True, help="Only provisional detractors older than one day without signs of a bot."
)
@limit_option
def list_(
    options: Options,
    survey: str | None,
    segment: str | None,
    provisional: bool,
    to_confirm: bool,
    limit: int,
    as_json: bool,
) -> None:
    """List confirmed responses, newest first, or provisional ones with --provisional.

    A provisional response is a score link that was opened in a mail but not submitted on the page, or a submission that
    another one contradicted within seconds. It counts in no report. Detractors among them need attention if nothing
    indicates a bot: --to-confirm lists them after one day, as long as their link is valid.
    """
    from nps_connect.connection import system_clock
    from nps_connect.services.responses import unconfirmed_scores

    now, provisional = system_clock(), provisional or to_confirm
    query = _build_query(survey, segment, provisional=provisional, awaiting_at=now if to_confirm else None)
    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        loaded = session.execute(query.limit(limit + 1)).all()
        invitation_ids = [row.invitation_id for row, _ in loaded] if provisional else []
        signals = unconfirmed_scores.load_bot_signals(session, invitation_ids)
        rows = [response_json(row, contact, signals.get(row.invitation_id, ())) for row, contact in loaded]
    columns = COLUMNS | {"note": lambda row: unconfirmed_hint(row, now)} if provisional else COLUMNS
    empty = "no provisional responses" if provisional else "no responses"
    print_rows(rows, columns, empty=empty, as_json=as_json, zone=settings.core.zone, limit=limit)


def _build_query(survey: str | None, segment: str | None, *, provisional: bool, awaiting_at: datetime | None) -> Any:  # noqa: ANN401
    """Return the query of confirmed or provisional responses, newest first.

    Args:
        survey: only this survey; None means all.
        segment: only this segment; None means all.
        provisional: provisional responses instead of confirmed ones.
        awaiting_at: only detractors that await confirmation at this time; None means all.
    """
    from sqlalchemy import case, select
    from sqlmodel import col

    from nps_connect.ledger.tables import ContactRow, ResponseRow
    from nps_connect.records.responses import NPS_SCALE
    from nps_connect.services.contacts.store import confirmed_clause
    from nps_connect.services.responses import unconfirmed_scores

    is_submitted = col(ResponseRow.revision) > 0
    score = case((is_submitted, col(ResponseRow.score)), else_=col(ResponseRow.provisional_score))
    at = case((is_submitted, col(ResponseRow.answered_at)), else_=col(ResponseRow.provisional_at))
    query = (
        unconfirmed_scores.join_response_tables(select(ResponseRow, ContactRow))
        .where(~confirmed_clause() if provisional else confirmed_clause(), score.is_not(None))
        .order_by(at.desc(), col(ResponseRow.id).desc())
    )
    if survey is not None:
        query = query.where(col(ResponseRow.survey) == survey)
    if segment is not None:
        query = query.where(score.between(*SEGMENT_BOUNDS[segment]), col(ResponseRow.scale) == NPS_SCALE)
    if awaiting_at is not None:
        query = query.where(unconfirmed_scores.awaiting_confirmation_clause(awaiting_at))
    return query


def unconfirmed_hint(row: dict[str, Any], now: datetime) -> str | None:
    """Return why an unconfirmed score should be checked or ignored, or None."""
    from nps_connect.rules.bot_detection import SIGNAL_DESCRIPTIONS

    if row["signs"]:
        return "suspected bot: " + "; ".join(SIGNAL_DESCRIPTIONS[sign] for sign in row["signs"])
    is_overdue = row["segment"] == "detractor" and now - row["answered_at"] >= UNCONFIRMED_AFTER
    return "needs attention: detractor without signs of a bot" if is_overdue else None


def response_json(row: ResponseRow, contact: ContactRow, signals: Sequence[BotSignal]) -> dict[str, Any]:
    """Return a response for ``--json``, with the bot signals of its page views."""
    from nps_connect.records.responses import NPS_SCALE, segment_of

    is_submitted = row.revision > 0
    score = row.score if is_submitted else row.provisional_score
    return {
        "id": row.public_id,
        "state": "provisional" if not is_submitted else "conflicting" if row.conflicting_at else "confirmed",
        "score": score,
        "segment": segment_of(score) if score is not None and row.scale == NPS_SCALE else None,
        **attributes(row, "revision", "survey", "touchpoint", "language", "comment", "do_not_contact"),
        "contact": f"{contact.connection}:{contact.vendor_id}",
        "answered_at": row.answered_at if is_submitted else row.provisional_at,
        "signs": ["contradiction"] if row.conflicting_at else [] if is_submitted else list(signals),
    }
