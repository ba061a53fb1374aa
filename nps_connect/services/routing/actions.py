"""The action `write_score`: write a score onto the contact's record at a connection."""

from __future__ import annotations

from datetime import timedelta

from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.actions import HoldCode
from nps_connect.records.deliveries import ScoreUpdate
from nps_connect.services.action_spec import ActionHandler, NotAttempted, PreparationBatch
from nps_connect.services.cases.cases import TicketDelivery, load_tickets
from nps_connect.services.deliveries.preparation import contact_response

TICKET_POLL_INTERVAL = timedelta(minutes=1)
"""When a score is due again that waits for the ticket which it is to link to."""

TICKET_WAIT_TIMEOUT = timedelta(hours=1)
"""How long after the response a score waits for its ticket."""


def _load_tickets(batch: PreparationBatch) -> dict[int | None, TicketDelivery]:
    """Return the tickets that scores link to, by response id."""
    linking = [row.response_id for row in batch.deliveries if row.options.get("comment") == "link"]
    return load_tickets(batch.session, linking)


def _build_score(batch: PreparationBatch, row: DeliveryRow) -> ScoreUpdate | NotAttempted:
    answered, comment_link = contact_response(batch, row), None
    target = batch.looked_up.get(row.id or 0, answered.contact)
    if row.options.get("comment") == "link":
        now = batch.ctx.clock()
        ticket = batch.load_once(_load_tickets).get(row.response_id)
        comment_link = ticket.link if ticket is not None else None
        is_expected = ticket is not None and ticket.state in ("pending", "running")
        if is_expected and now - answered.response.answered_at < TICKET_WAIT_TIMEOUT:
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


WRITE_SCORE_HANDLER = ActionHandler(build=_build_score)
