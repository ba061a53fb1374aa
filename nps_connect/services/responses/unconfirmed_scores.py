"""Provisional scores: opened by a link but never submitted, with the bot signals of all page views of the survey.

The newest view alone says too little: a scanner requests the headers first, returns a minute later, or opens the eleven
scores one by one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, literal_column, select
from sqlmodel import Session, col

from nps_connect.ledger.tables import ContactRow, InvitationRow, PageViewRow, ResponseRow
from nps_connect.records.responses import NPS_SCALE
from nps_connect.rules.bot_detection import MANY_SCORES, BotSignal, PageVisit, combine_signals, parse_signals

MAX_DETRACTOR_SCORE = 6
"""The highest score of a detractor."""

CONFIRM_AFTER = timedelta(days=1)
"""How long a person has to submit the score before staff is notified or the person is asked."""


def awaiting_confirmation_clause(now: datetime) -> ColumnElement[bool]:
    """Return the SQL condition for detractors provisional for a day, without bot signals, who can still confirm.

    The query must join responses, invitations and contacts, see `join_response_tables`. Literals, because with
    parameters the partial index would not be used.
    """
    of_survey = (col(PageViewRow.invitation_id) == col(ResponseRow.invitation_id)) & (
        col(PageViewRow.purpose) == "survey"
    )
    with_signals = select(col(PageViewRow.id)).where(of_survey, col(PageViewRow.bot_signals).is_not(None)).exists()
    opened_scores = select(func.count(col(PageViewRow.score).distinct())).where(of_survey).scalar_subquery()
    return (
        (col(ResponseRow.scale) == NPS_SCALE)
        & (col(ResponseRow.revision) == literal_column("0"))
        & (col(ResponseRow.provisional_score) <= literal_column(str(MAX_DETRACTOR_SCORE)))
        & col(ResponseRow.provisional_bot_signals).is_(None)
        & (col(ResponseRow.provisional_at) <= now - CONFIRM_AFTER)
        & (col(InvitationRow.state) == "sent")
        & (col(InvitationRow.expires_at) > now)
        & col(ContactRow.erased_at).is_(None)
        & ~with_signals
        & (opened_scores < MANY_SCORES)
    )


def count_awaiting_confirmation(session: Session, now: datetime) -> int:
    """Return the number of detractors that `awaiting_confirmation_clause` matches."""
    query = join_response_tables(select(func.count())).where(awaiting_confirmation_clause(now))
    return int(session.execute(query).scalar_one())


def join_response_tables(query: Any) -> Any:  # noqa: ANN401  # a Select of any columns
    """Return a query on responses with the joins that `awaiting_confirmation_clause` needs."""
    return (
        query.select_from(ResponseRow)
        .join(InvitationRow, col(InvitationRow.id) == col(ResponseRow.invitation_id))
        .join(ContactRow, col(ContactRow.id) == col(ResponseRow.contact_id))
    )


def load_bot_signals(session: Session, invitation_ids: Collection[int]) -> dict[int, tuple[BotSignal, ...]]:
    """Return the bot signals of all page views of each survey, by invitation id."""
    columns = (
        PageViewRow.invitation_id,
        PageViewRow.method,
        PageViewRow.at,
        PageViewRow.score,
        PageViewRow.bot_signals,
    )
    query = select(*map(col, columns)).where(
        col(PageViewRow.invitation_id).in_(invitation_ids), col(PageViewRow.purpose) == "survey"
    )
    visits: dict[int, list[tuple[PageVisit, tuple[BotSignal, ...]]]] = defaultdict(list)
    for invitation_id, method, at, score, signals in session.execute(query):
        visits[invitation_id].append((PageVisit(method, at, score), parse_signals(signals)))
    return {invitation_id: combine_signals(views) for invitation_id, views in visits.items()}
