"""What is written of an answer onto the contact's record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.contacts import Contact
from nps_connect.records.deliveries import ScoreUpdate
from nps_connect.records.responses import EarlierResponse, Response


def load_ticket_state(session: Session, response_id: int | None) -> tuple[str | None, str | None]:
    """State and link of the ticket about an answer; both none if there is none."""
    query = select(col(DeliveryRow.state), col(DeliveryRow.receipt_link)).where(
        col(DeliveryRow.response_id) == response_id, col(DeliveryRow.action) == "open_ticket"
    )
    found = session.execute(query.order_by(col(DeliveryRow.id).desc()).limit(1)).first()
    return (found[0], found[1]) if found else (None, None)


def build_score_update(
    key: str,
    options: Mapping[str, Any],
    at: Contact,
    response: Response,
    history: tuple[EarlierResponse, ...],
    comment_link: str | None = None,
) -> ScoreUpdate:
    """What is written.

    Args:
        key: the delivery's idempotency key.
        options: what the route said.
        at: the person at the connection that is written to.
        response: the answer.
        history: the person's other answers, newest first.
        comment_link: where staff can read the comment, if the route wants a link to it.
    """
    return ScoreUpdate(
        contact=at,
        response=response,
        history=history,
        idempotency_key=key,
        response_count=len(history) + 1,
        comment_policy=options.get("comment", "full"),
        comment_link=comment_link,
    )
