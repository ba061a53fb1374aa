"""Openings: what is noted when somebody, or some machine, opens survey pages. Nothing of it is an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from nps_connect.flows.context import Context
from nps_connect.flows.responding.standings import Standing
from nps_connect.flows.responding.visits import VisitBook
from nps_connect.flows.reviewing.review import asks_for_reviews, note_shown
from nps_connect.ledger.tables import ContactRow, ResponseRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.pages import VisitInfo
from nps_connect.records.responses import NPS_SCALE
from nps_connect.rules.machines import write


def begun(ctx: Context, standing: Standing) -> dict[str, Any]:
    """The columns of an answer that is not confirmed yet, without those of the provisional score."""
    return {
        "public_id": f"r-{ctx.random.getrandbits(96):024x}",
        "invitation_id": standing.id,
        "contact_id": standing.contact_id,
        "survey": standing.survey,
        "touchpoint": standing.touchpoint,
        "scale": NPS_SCALE,
        "revision": 0,
        "language": standing.language,
        "do_not_contact": False,
        "follow_up": [],
    }


def _chosen(statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert
    """An answer that has begun keeps its ids and takes the newest provisional score."""
    names = ("provisional_score", "provisional_at", "provisional_signs")
    return statement.on_conflict_do_update(
        index_elements=["invitation_id"], set_={name: getattr(statement.excluded, name) for name in names}
    )


def note_openings(
    ctx: Context, session: Session, book: VisitBook, opened: Sequence[tuple[Standing, VisitInfo]]
) -> None:
    """Note openings in their order; of each survey the newest score that a link named becomes the provisional one."""
    chosen: dict[int, dict[str, Any]] = {}
    shown: dict[int, Standing] = {}
    for standing, visit in opened:
        found = book.note(standing.id, visit, visit.score)
        if visit.method != "GET" or not standing.is_open(visit.at):
            continue
        if visit.score is not None and not standing.revision:
            chosen[standing.id] = {
                **begun(ctx, standing),
                "provisional_score": visit.score,
                "provisional_at": visit.at,
                "provisional_signs": write(found),
            }
        if standing.is_confirmed:
            shown[standing.id] = standing
    insert_many(session, ResponseRow, list(chosen.values()), clash=_chosen)
    if shown and asks_for_reviews(ctx):
        for standing in shown.values():
            _note_shown(ctx, session, standing)


def _note_shown(ctx: Context, session: Session, standing: Standing) -> None:
    response = session.get(ResponseRow, standing.response_id)
    contact = session.get(ContactRow, standing.contact_id)
    if response is not None and contact is not None:
        note_shown(ctx, session, response, contact)
