"""Provisional scores: opened by a link but never submitted, with the bot signals of all page views of the survey.

The newest view alone says too little: a scanner requests the headers first, returns a minute later, or opens the eleven
scores one by one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, func, literal_column, select
from sqlmodel import Session, col

from nps_connect.ledger.tables import ContactRow, InvitationRow, PageViewRow, ResponseRow
from nps_connect.records.base import NPS_SCALE
from nps_connect.rules.bot_detection import MANY_SCORES, BotSignal, PageVisit, combine_signals, parse_signals

_CONTACTS: Table = ContactRow.__table__
_INVITATIONS: Table = InvitationRow.__table__
_PAGE_VIEWS: Table = PageViewRow.__table__
_RESPONSES: Table = ResponseRow.__table__

MAX_DETRACTOR_SCORE = 6
"""The highest score of a detractor."""

CONFIRM_AFTER = timedelta(days=1)
"""How long a person has to submit the score before staff is notified or the person is asked."""


def awaiting_confirmation_clause(now: datetime) -> ColumnElement[bool]:
    """Return the SQL condition for detractors provisional for a day, without bot signals, who can still confirm.

    The query must join responses, invitations and contacts, see `join_response_tables`. Literals, because with
    parameters the partial index would not be used.
    """
    of_survey = (_PAGE_VIEWS.c.invitation_id == _RESPONSES.c.invitation_id) & (_PAGE_VIEWS.c.purpose == "survey")
    with_signals = select(_PAGE_VIEWS.c.id).where(of_survey, _PAGE_VIEWS.c.bot_signals.is_not(None)).exists()
    opened_scores = select(func.count(_PAGE_VIEWS.c.score.distinct())).where(of_survey).scalar_subquery()
    return (
        (_RESPONSES.c.scale == NPS_SCALE)
        & (_RESPONSES.c.revision == literal_column("0"))
        & (_RESPONSES.c.provisional_score <= literal_column(str(MAX_DETRACTOR_SCORE)))
        & _RESPONSES.c.provisional_bot_signals.is_(None)
        & (_RESPONSES.c.provisional_at <= now - CONFIRM_AFTER)
        & (_INVITATIONS.c.state == "sent")
        & (_INVITATIONS.c.expires_at > now)
        & _CONTACTS.c.erased_at.is_(None)
        & ~with_signals
        & (opened_scores < MANY_SCORES)
    )


def count_awaiting_confirmation(session: Session, now: datetime) -> int:
    """Return the number of detractors that `awaiting_confirmation_clause` matches."""
    query = join_response_tables(select(func.count())).where(awaiting_confirmation_clause(now))
    return int(session.connection().execute(query).scalar_one())


def join_response_tables(query: Any) -> Any:  # noqa: ANN401  # a Select of any columns
    """Return a query on responses with the joins that `awaiting_confirmation_clause` needs."""
    return (
        query.select_from(_RESPONSES)
        .join(_INVITATIONS, _INVITATIONS.c.id == _RESPONSES.c.invitation_id)
        .join(_CONTACTS, _CONTACTS.c.id == _RESPONSES.c.contact_id)
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
