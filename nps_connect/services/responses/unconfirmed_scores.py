"""Scores that somebody, or some machine, opened and nobody confirmed: what all visits of the survey tell of them.

The newest opening alone tells too little: a scanner looks at the head first, comes back a minute later, or opens the
eleven scores one by one.
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
"""How long a person has to come back and press, before staff is told or the person is asked."""


def awaiting_confirmation_clause(now: datetime) -> ColumnElement[bool]:
    """Detractors who have been provisional for a day, show no sign of a machine, and can still confirm; for queries.

    The query must join responses, survey invitations and contacts. Literals in place of parameters let the partial
    index serve it.
    """
    here = (col(PageViewRow.invitation_id) == col(ResponseRow.invitation_id)) & (col(PageViewRow.purpose) == "survey")
    signed = select(col(PageViewRow.id)).where(here, col(PageViewRow.bot_signals).is_not(None)).exists()
    opened = select(func.count(col(PageViewRow.score).distinct())).where(here).scalar_subquery()
    return (
        (col(ResponseRow.scale) == NPS_SCALE)
        & (col(ResponseRow.revision) == literal_column("0"))
        & (col(ResponseRow.provisional_score) <= literal_column(str(MAX_DETRACTOR_SCORE)))
        & col(ResponseRow.provisional_bot_signals).is_(None)
        & (col(ResponseRow.provisional_at) <= now - CONFIRM_AFTER)
        & (col(InvitationRow.state) == "sent")
        & (col(InvitationRow.expires_at) > now)
        & col(ContactRow.erased_at).is_(None)
        & ~signed
        & (opened < MANY_SCORES)
    )


def count_awaiting_confirmation(session: Session, now: datetime) -> int:
    """How many there are."""
    query = join_response_tables(select(func.count())).where(awaiting_confirmation_clause(now))
    return int(session.execute(query).scalar_one())


def join_response_tables(query: Any) -> Any:  # noqa: ANN401  # a Select of any columns
    """A query over responses, joined as `awaiting_confirmation_clause` needs it."""
    return (
        query.select_from(ResponseRow)
        .join(InvitationRow, col(InvitationRow.id) == col(ResponseRow.invitation_id))
        .join(ContactRow, col(ContactRow.id) == col(ResponseRow.contact_id))
    )


def load_bot_signals(session: Session, invitation_ids: Collection[int]) -> dict[int, tuple[BotSignal, ...]]:
    """The signs of a machine over all visits of each survey, by id of the survey invitation; read at once."""
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
    for number, method, at, score, found in session.execute(query):
        visits[number].append((PageVisit(method, at, score), parse_signals(found)))
    return {number: combine_signals(seen) for number, seen in visits.items()}
