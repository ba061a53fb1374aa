"""Openings: what is noted when somebody, or some machine, opens survey pages. Nothing of it is an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from nps_connect.ledger.tables import ContactRow, ResponseRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.pages import PageView
from nps_connect.records.responses import NPS_SCALE
from nps_connect.rules.bot_detection import serialize_signals
from nps_connect.services.context import Context
from nps_connect.services.responses.invitation_state import InvitationState
from nps_connect.services.responses.visit_log import VisitLog
from nps_connect.services.reviews.review_pages import has_review_routes, record_review_pages_shown


def new_response_columns(ctx: Context, standing: InvitationState) -> dict[str, Any]:
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


def _update_provisional_score(statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert
    """An answer that has begun keeps its ids and takes the newest provisional score."""
    names = ("provisional_score", "provisional_at", "provisional_bot_signals")
    return statement.on_conflict_do_update(
        index_elements=["invitation_id"], set_={name: getattr(statement.excluded, name) for name in names}
    )


def record_page_views(
    ctx: Context, session: Session, book: VisitLog, opened: Sequence[tuple[InvitationState, PageView]]
) -> None:
    """Note openings in their order; of each survey the newest score that a link named becomes the provisional one."""
    chosen: dict[int, dict[str, Any]] = {}
    shown: dict[int, InvitationState] = {}
    for standing, visit in opened:
        found = book.note(standing.id, visit, visit.score)
        if visit.method != "GET" or not standing.is_open(visit.at):
            continue
        if visit.score is not None and not standing.revision:
            chosen[standing.id] = {
                **new_response_columns(ctx, standing),
                "provisional_score": visit.score,
                "provisional_at": visit.at,
                "provisional_bot_signals": serialize_signals(found),
            }
        if standing.is_confirmed:
            shown[standing.id] = standing
    insert_many(session, ResponseRow, list(chosen.values()), on_conflict=_update_provisional_score)
    if shown and has_review_routes(ctx):
        for standing in shown.values():
            _record_review_pages_shown(ctx, session, standing)


def _record_review_pages_shown(ctx: Context, session: Session, standing: InvitationState) -> None:
    response = session.get(ResponseRow, standing.response_id)
    contact = session.get(ContactRow, standing.contact_id)
    if response is not None and contact is not None:
        record_review_pages_shown(ctx, session, response, contact)
