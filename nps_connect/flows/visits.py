"""Visits: every opening of a personal link is noted, with the signs of a machine that it shows."""

from __future__ import annotations

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.tables import InvitationRow, VisitRow
from nps_connect.records.pages import VisitInfo
from nps_connect.rules.machines import SIGNS, TOGETHER, Opening, Sign, read, signs, write

SHARED: frozenset[Sign] = frozenset({"several", "contradiction"})
"""Signs that show on a later opening and tell as much about the earlier ones."""


def note_visit(session: Session, invitation: InvitationRow, visit: VisitInfo) -> tuple[Sign, ...]:
    """Note an opening or a press of a survey link; the signs of a machine that it shows.

    A sign that only several openings together give is written on the earlier ones too.
    """
    earlier = list(
        session.execute(
            select(VisitRow)
            .where(
                col(VisitRow.invitation_id) == invitation.id,
                col(VisitRow.at) >= visit.at - TOGETHER,
                col(VisitRow.score).is_not(None),
            )
            .order_by(col(VisitRow.id))
        ).scalars()
    )
    found = signs(
        Opening(visit.method, visit.at, visit.score),
        [Opening(row.method, row.at, row.score) for row in earlier],
        invitation.sent_at,
    )
    for sign in SHARED.intersection(found):
        for row in earlier:
            if row.score != visit.score and (row.method == "POST") == (visit.method == "POST"):
                known = read(row.signs)
                row.signs = write([one for one in SIGNS if one in known or one == sign])
    session.add(
        VisitRow(
            purpose="survey",
            invitation_id=invitation.id,
            method=visit.method,
            at=visit.at,
            address=visit.address,
            agent=visit.agent,
            score=visit.score,
            signs=write(found),
        )
    )
    return found
