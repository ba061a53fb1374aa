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

from nps_connect.ledger.tables import ContactRow, InvitationRow, ResponseRow, VisitRow
from nps_connect.records.responses import NPS_SCALE
from nps_connect.rules.machines import MANY, Opening, Sign, all_signs, read

LOW = 6
"""The highest score of a detractor."""

CONFIRM_AFTER = timedelta(days=1)
"""How long a person has to come back and press, before staff is told or the person is asked."""


def to_confirm(now: datetime) -> ColumnElement[bool]:
    """Detractors who have been provisional for a day, show no sign of a machine, and can still confirm; for queries.

    The query must join responses, survey invitations and contacts. Literals in place of parameters let the partial
    index serve it.
    """
    here = (col(VisitRow.invitation_id) == col(ResponseRow.invitation_id)) & (col(VisitRow.purpose) == "survey")
    signed = select(col(VisitRow.id)).where(here, col(VisitRow.signs).is_not(None)).exists()
    opened = select(func.count(col(VisitRow.score).distinct())).where(here).scalar_subquery()
    return (
        (col(ResponseRow.scale) == NPS_SCALE)
        & (col(ResponseRow.revision) == literal_column("0"))
        & (col(ResponseRow.provisional_score) <= literal_column(str(LOW)))
        & col(ResponseRow.provisional_signs).is_(None)
        & (col(ResponseRow.provisional_at) <= now - CONFIRM_AFTER)
        & (col(InvitationRow.state) == "sent")
        & (col(InvitationRow.expires_at) > now)
        & col(ContactRow.erased_at).is_(None)
        & ~signed
        & (opened < MANY)
    )


def count_to_confirm(session: Session, now: datetime) -> int:
    """How many there are."""
    query = joined(select(func.count())).where(to_confirm(now))
    return int(session.execute(query).scalar_one())


def joined(query: Any) -> Any:  # noqa: ANN401  # a Select of any columns
    """A query over responses, joined as `to_confirm` needs it."""
    return (
        query.select_from(ResponseRow)
        .join(InvitationRow, col(InvitationRow.id) == col(ResponseRow.invitation_id))
        .join(ContactRow, col(ContactRow.id) == col(ResponseRow.contact_id))
    )


def signs_of(session: Session, invitation_ids: Collection[int]) -> dict[int, tuple[Sign, ...]]:
    """The signs of a machine over all visits of each survey, by id of the survey invitation; read at once."""
    columns = (VisitRow.invitation_id, VisitRow.method, VisitRow.at, VisitRow.score, VisitRow.signs)
    query = select(*map(col, columns)).where(
        col(VisitRow.invitation_id).in_(invitation_ids), col(VisitRow.purpose) == "survey"
    )
    visits: dict[int, list[tuple[Opening, tuple[Sign, ...]]]] = defaultdict(list)
    for number, method, at, score, found in session.execute(query):
        visits[number].append((Opening(method, at, score), read(found)))
    return {number: all_signs(seen) for number, seen in visits.items()}
