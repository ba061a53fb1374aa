"""The action `write_score`: write a score onto the contact's record at a connection."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlmodel import col

from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.deliveries import HoldCode, ScoreUpdate
from nps_connect.rules.retry_plan import parse_retry_plan
from nps_connect.services.action_spec import ActionSpec, NotAttempted, PreparationBatch
from nps_connect.services.deliveries.preparation import contact_response

TICKET_POLL_INTERVAL = timedelta(minutes=1)
"""When a score is due again that waits for the ticket which it is to link to."""

TICKET_WAIT_TIMEOUT = timedelta(hours=1)
"""How long after the response a score waits for its ticket."""


def _load_tickets(batch: PreparationBatch) -> dict[int | None, tuple[str, str | None]]:
    """Return state and link of the tickets that scores link to, by response id."""
    linking = [row.response_id for row in batch.deliveries if row.options.get("comment") == "link"]
    query = select(col(DeliveryRow.response_id), col(DeliveryRow.state), col(DeliveryRow.receipt_link)).where(
        col(DeliveryRow.response_id).in_(linking), col(DeliveryRow.action) == "open_ticket"
    )
    rows = batch.session.execute(query.order_by(col(DeliveryRow.id)))
    return {response_id: (state, link) for response_id, state, link in rows}


def _build_score(batch: PreparationBatch, row: DeliveryRow) -> ScoreUpdate | NotAttempted:
    answered, comment_link = contact_response(batch, row), None
    target = batch.looked_up.get(row.id or 0, answered.contact)
    if row.options.get("comment") == "link":
        now = batch.ctx.clock()
        state, comment_link = batch.load_once(_load_tickets).get(row.response_id, (None, None))
        if state in ("pending", "running") and now - answered.response.answered_at < TICKET_WAIT_TIMEOUT:
            return NotAttempted.deferred(HoldCode.WAITS_FOR_TICKET, now + TICKET_POLL_INTERVAL)
        if comment_link is None and target.connection != answered.contact.connection:
            comment_link = answered.contact.link
    return ScoreUpdate(
        contact=target,
        response=answered.response,
        history=answered.history,
        idempotency_key=row.key,
        response_count=len(answered.history) + 1,
        comment_policy=row.options.get("comment", "full"),
        comment_link=comment_link,
    )


WRITE_SCORE = ActionSpec(
    action="write_score",
    hook="nps_write_scores",
    build=_build_score,
    retry_plan=parse_retry_plan("15s 1m 5m 15m 1h 2h 4h 8h 12h 12h 12h", total="3d"),
    priority=6,
    grace_period=timedelta(seconds=60),
    is_ordered=True,
    overwrites=True,
    contact_lookup="target",
)
ACTIONS = (WRITE_SCORE,)
