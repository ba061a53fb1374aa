"""``nps-connect responses list``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nps_connect.cli._support.completion import complete_survey
from nps_connect.cli._support.list_options import ListFilters, encode_cursor, list_options
from nps_connect.cli._support.names import NameChoice, require_known
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import attributes, last_line, print_list
from nps_connect.cli._support.people import person_json, short_person

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.ledger.tables import ContactRow, ResponseRow
    from nps_connect.rules.bot_detection import BotSignal
    from nps_connect.settings.model import Settings

F = TypeVar("F", bound=Callable[..., Any])

UNCONFIRMED_AFTER = timedelta(days=1)
SEGMENT_BOUNDS = {"promoter": (9, 10), "passive": (7, 8), "detractor": (0, 6)}
SHORT_ID_LENGTH = 10
"""Of an id in the table: `responses show` accepts the beginning of one."""

COLUMNS = {
    "id": lambda row: row["id"][:SHORT_ID_LENGTH],
    "answered": "answered_at",
    "score": "score",
    "survey": "survey",
    "person": short_person,
    "comment": lambda row: last_line(row["comment"]),
}


def text_options(command: F) -> F:
    """Add ``--search``, ``--theme`` and ``--tag``."""
    for option in (
        click.option("--tag", help="Only responses with this tag."),
        click.option("--theme", help="Only comments with this theme, by its id; see docs/themes.md."),
        click.option(
            "--search", metavar="WORDS", help='Only comments with these words; "in quotes" exactly, -word without.'
        ),
    ):
        command = option(command)
    return command


@command
@list_options()
@click.option("--survey", help="Only this survey.", shell_complete=complete_survey)
@click.option("--segment", type=NameChoice(list(SEGMENT_BOUNDS)), help="Only this segment.")
@text_options
@click.option("--provisional", is_flag=True, help="Provisional responses instead of confirmed ones.")
@click.option(
    "--to-confirm", is_flag=True, help="Only provisional detractors older than one day without signs of a bot."
)
def list_(
    options: Options,
    filters: ListFilters,
    survey: str | None,
    segment: str | None,
    search: str | None,
    theme: str | None,
    tag: str | None,
    provisional: bool,
    to_confirm: bool,
    as_json: bool,
) -> None:
    """List confirmed responses, newest first, or provisional ones with --provisional.

    A provisional response is a score link that was opened in a mail but not submitted on the page, or a submission that
    another one contradicted within seconds. It counts in no report. Detractors among them need attention if nothing
    indicates a bot: --to-confirm lists them after one day, as long as their link is valid. --connection selects by
    where the person comes from.
    """
    from nps_connect.connection import system_clock
    from nps_connect.ledger.list_page import load_page
    from nps_connect.services.responses import unconfirmed_scores

    now, provisional = system_clock(), provisional or to_confirm
    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        conditions = _build_conditions(session, settings, filters, survey, segment)
        conditions += _build_text_conditions(search, theme, tag)
        query, order = _build_query(provisional=provisional, awaiting_at=now if to_confirm else None)
        page = load_page(
            session, query.where(*conditions), order, limit=filters.limit, after=filters.after("responses")
        )
        invitation_ids = [row.invitation_id for row, _ in page.rows] if provisional else []
        signals = unconfirmed_scores.load_bot_signals(session, invitation_ids)
        rows = [response_json(row, contact, signals.get(row.invitation_id, ())) for row, contact in page.rows]
    columns: dict[str, Any] = dict(COLUMNS)
    if provisional:
        del columns["comment"]
        columns["note"] = lambda row: unconfirmed_hint(row, now)
    empty = "no provisional responses" if provisional else "no responses"
    next_cursor = encode_cursor("responses", page.next_key)
    print_list(rows, columns, empty=empty, as_json=as_json, zone=options.zone(settings), next_cursor=next_cursor)


def _answered_at() -> Any:  # noqa: ANN401  # an SQL expression
    """Return when a response was submitted, or its score link opened."""
    from sqlalchemy import case
    from sqlmodel import col

    from nps_connect.ledger.tables import ResponseRow

    return case((col(ResponseRow.revision) > 0, col(ResponseRow.answered_at)), else_=col(ResponseRow.provisional_at))


def _score() -> Any:  # noqa: ANN401  # an SQL expression
    """Return the submitted score of a response, or that of its score link."""
    from sqlalchemy import case
    from sqlmodel import col

    from nps_connect.ledger.tables import ResponseRow

    return case((col(ResponseRow.revision) > 0, col(ResponseRow.score)), else_=col(ResponseRow.provisional_score))


def _build_conditions(
    session: Session, settings: Settings, filters: ListFilters, survey: str | None, segment: str | None
) -> list[Any]:
    """Return the SQL conditions that the options describe."""
    from sqlmodel import col

    from nps_connect.ledger.tables import ContactRow, ResponseRow
    from nps_connect.records.base import NPS_SCALE

    survey = require_known(survey, settings.surveys, "survey", session, col(ResponseRow.survey))
    connection = filters.known_connection(session, settings, col(ContactRow.connection))
    contact_ids, (since, until) = filters.contact_ids(session, settings), filters.period(settings)
    conditions: list[Any] = [col(ResponseRow.survey) == survey] if survey is not None else []
    conditions += [col(ContactRow.connection) == connection] if connection is not None else []
    conditions += [col(ResponseRow.contact_id).in_(contact_ids)] if contact_ids is not None else []
    conditions += [_answered_at() >= since] if since is not None else []
    conditions += [_answered_at() < until] if until is not None else []
    if segment is not None:
        conditions += [_score().between(*SEGMENT_BOUNDS[segment]), col(ResponseRow.scale) == NPS_SCALE]
    return conditions


def _build_text_conditions(search: str | None, theme: str | None, tag: str | None) -> list[Any]:
    """Return the SQL conditions on comment, themes and tags."""
    from nps_connect.ledger.comment_search import comment_matches
    from nps_connect.services.comments.tags import has_tag, has_theme

    conditions: list[Any] = [comment_matches(search)] if search is not None else []
    conditions += [has_theme(theme)] if theme is not None else []
    return conditions + ([has_tag(tag)] if tag is not None else [])


def _build_query(*, provisional: bool, awaiting_at: datetime | None) -> tuple[Any, list[Any]]:
    """Return the query of confirmed or provisional responses with their contacts, and the columns of its order.

    Args:
        provisional: provisional responses instead of confirmed ones.
        awaiting_at: only detractors that await confirmation at this time; None means all.
    """
    from sqlalchemy import select
    from sqlmodel import col

    from nps_connect.ledger.tables import ContactRow, ResponseRow
    from nps_connect.services.contacts.store import confirmed_clause
    from nps_connect.services.responses import unconfirmed_scores

    query = unconfirmed_scores.join_response_tables(select(ResponseRow, ContactRow)).where(
        ~confirmed_clause() if provisional else confirmed_clause(), _score().is_not(None)
    )
    if awaiting_at is not None:
        query = query.where(unconfirmed_scores.awaiting_confirmation_clause(awaiting_at))
    return query, [_answered_at(), col(ResponseRow.id)]


def unconfirmed_hint(row: dict[str, Any], now: datetime) -> str | None:
    """Return why an unconfirmed score should be checked or ignored, or None."""
    from nps_connect.rules.bot_detection import SIGNAL_DESCRIPTIONS

    if row["signs"]:
        return "suspected bot: " + "; ".join(SIGNAL_DESCRIPTIONS[sign] for sign in row["signs"])
    is_overdue = row["segment"] == "detractor" and now - row["answered_at"] >= UNCONFIRMED_AFTER
    return "needs attention: detractor without signs of a bot" if is_overdue else None


def response_json(row: ResponseRow, contact: ContactRow, signals: Sequence[BotSignal]) -> dict[str, Any]:
    """Return a response for ``--json``, with the bot signals of its page views."""
    from nps_connect.records.base import NPS_SCALE
    from nps_connect.records.responses import segment_of

    is_submitted = row.revision > 0
    score = row.score if is_submitted else row.provisional_score
    return {
        "id": row.public_id,
        "state": "provisional" if not is_submitted else "conflicting" if row.conflicting_at else "confirmed",
        "score": score,
        "segment": segment_of(score) if score is not None and row.scale == NPS_SCALE else None,
        **attributes(row, "revision", "survey", "touchpoint", "language", "comment", "do_not_contact"),
        **person_json(contact),
        "answered_at": row.answered_at if is_submitted else row.provisional_at,
        "signs": ["contradiction"] if row.conflicting_at else [] if is_submitted else list(signals),
        "collected_by": row.collected_by,
    }
