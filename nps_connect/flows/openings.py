"""Openings: what is noted when somebody, or some machine, opens survey pages. Nothing of it is an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, insert, update
from sqlmodel import Session, col

from nps_connect.flows.context import Context
from nps_connect.flows.review import asks_for_reviews, note_shown
from nps_connect.flows.standings import Standing
from nps_connect.flows.visits import VisitBook
from nps_connect.ledger.tables import ContactRow, ResponseRow
from nps_connect.records.pages import VisitInfo
from nps_connect.rules.machines import write

_CHOSEN = update(ResponseRow.__table__).where(col(ResponseRow.id) == bindparam("which"))  # type: ignore[attr-defined]


def begun(ctx: Context, standing: Standing) -> dict[str, Any]:
    """The columns of an answer that is not confirmed yet; the others have their defaults."""
    return {
        "public_id": f"r-{ctx.random.getrandbits(96):024x}",
        "invitation_id": standing.id,
        "contact_id": standing.contact_id,
        "survey": standing.survey,
        "touchpoint": standing.touchpoint,
        "language": standing.language,
    }


def note_openings(
    ctx: Context, session: Session, book: VisitBook, opened: Sequence[tuple[Standing, VisitInfo]]
) -> None:
    """Note openings in their order; of each survey the newest score that a link named becomes the provisional one."""
    chosen: dict[int, dict[str, Any]] = {}
    surveys: dict[int, Standing] = {}
    shown: dict[int, Standing] = {}
    for standing, visit in opened:
        found = book.note(standing.id, visit, visit.score)
        if visit.method != "GET" or not standing.is_open(visit.at):
            continue
        if visit.score is not None and not standing.revision:
            chosen[standing.id] = {
                "provisional_score": visit.score,
                "provisional_at": visit.at,
                "provisional_signs": write(found),
            }
            surveys[standing.id] = standing
        if standing.is_confirmed:
            shown[standing.id] = standing
    connection = session.connection()
    known = [{"which": surveys[one].response_id, **chosen[one]} for one in chosen if surveys[one].response_id]
    fresh = [{**begun(ctx, surveys[one]), **chosen[one]} for one in chosen if not surveys[one].response_id]
    if known:
        connection.execute(_CHOSEN, known)
    if fresh:
        connection.execute(insert(ResponseRow.__table__), fresh)  # type: ignore[attr-defined]
    if shown and asks_for_reviews(ctx):
        for standing in shown.values():
            _note_shown(ctx, session, standing)


def _note_shown(ctx: Context, session: Session, standing: Standing) -> None:
    response = session.get(ResponseRow, standing.response_id)
    contact = session.get(ContactRow, standing.contact_id)
    if response is not None and contact is not None:
        note_shown(ctx, session, response, contact)
