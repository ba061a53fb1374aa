"""Inviting: one review mail for one answer, planned in the answer's own transaction.

A changed answer rewords, delays or stops what has not gone out; what has gone out is never sent again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session

from nps_connect.ledger import review_report, review_requests
from nps_connect.ledger.tables import ContactRow, DeliveryRow, ResponseRow
from nps_connect.records.contacts import Contact
from nps_connect.records.deliveries import CancelCode, HoldCode, ReviewDestination
from nps_connect.records.responses import ContactResponse, Response
from nps_connect.rules.routing import PlannedAction, delivery_key
from nps_connect.services.contacts.response_records import ResponseColumns
from nps_connect.services.context import Context, delivery_queue
from nps_connect.services.deliveries.cancel import cancel
from nps_connect.services.reviews.platform_choice import NoReviewInvitation, choose_invitation, review_subjects
from nps_connect.services.reviews.reminders import UNSTARTED_STATES, is_reminder
from nps_connect.services.reviews.review_pages import resolve_review_page, review_platforms
from nps_connect.services.reviews.ticket_wait import next_send_time


def plan_invitation(
    ctx: Context,
    session: Session,
    response: ResponseRow,
    answered: ContactResponse,
    planned: Sequence[PlannedAction],
    rows: Sequence[DeliveryRow],
) -> set[str]:
    """See to it that at most one review mail is planned for an answer; returns the queues that have new work.

    Args:
        ctx: the joined parts.
        session: the answer's transaction.
        response: the newest revision.
        answered: the same as a record, with the person.
        planned: the invitations that the routes lead to, one per platform.
        rows: the review mails of this answer so far, locked, oldest first.
    """
    review_report.record_response_segment(
        session,
        response_id=response.id or 0,
        contact_id=response.contact_id,
        segment=answered.response.segment,
        platforms=review_platforms(ctx, answered.response),
    )
    contact = session.get(ContactRow, response.contact_id)
    if contact is None:
        return set()
    planning = _InvitationPlanner(ctx, session, response, answered, contact)
    planning.plan({one.via: one for one in planned}, rows)
    session.flush()
    return planning.queues


def invitation_columns(ctx: Context, response: ResponseColumns, offer: PlannedAction, now: datetime) -> dict[str, Any]:
    """A new invitation, not scheduled yet."""
    connection = ctx.settings.surveys[response.survey].channel
    return {
        "key": delivery_key(action="invite_review", subject=response.public_id, revision=None, route=offer.via),
        "queue_name": delivery_queue(connection, "invite_review"),
        "connection": connection,
        "action": "invite_review",
        "due_at": now,
        "contact_id": response.contact_id,
        "invitation_id": response.invitation_id,
        "response_id": response.id,
        "revision": response.revision,
        "options": {**route_options(offer), "platform": offer.via},
        "created_at": now,
    }


def reachable_platforms(
    ctx: Context,
    session: Session,
    response: Response,
    contact: Contact,
    invitation_id: int,
    offers: Mapping[str, PlannedAction],
) -> Mapping[str, PlannedAction]:
    """The offers whose platforms have a page for this person; all of them if none has. A single one is not asked."""
    if len(offers) == 1:
        return offers
    found = {
        name: one
        for name, one in offers.items()
        if isinstance(resolve_review_page(ctx, session, name, response, contact, invitation_id), ReviewDestination)
    }
    return found or offers


class _InvitationPlanner:
    """The planning of one revision."""

    def __init__(
        self, ctx: Context, session: Session, response: ResponseRow, answered: ContactResponse, contact: ContactRow
    ) -> None:
        self._ctx, self._session = ctx, session
        self._response, self._answered, self._contact = response, answered, contact
        self._now = ctx.clock()
        self.queues: set[str] = set()

    def plan(self, offers: Mapping[str, PlannedAction], rows: Sequence[DeliveryRow]) -> None:
        for row in rows:
            offer = offers.get(row.options["platform"])
            if row.state not in UNSTARTED_STATES or row.first_started_at is not None or row.in_doubt:
                continue
            if offer is None:
                cancel(self._ctx, self._session, row, CancelCode.RESPONSE_CHANGED)
            elif is_reminder(row):
                row.options = {**row.options, **route_options(offer)}
            else:
                self._schedule(row, offer, self._due(offer))
        if offers and all(_is_revivable(row) for row in rows):
            self._invite(offers, rows)

    def _invite(self, offers: Mapping[str, PlannedAction], rows: Sequence[DeliveryRow]) -> None:
        response, contact = self._answered.response, self._answered.contact
        reachable = reachable_platforms(
            self._ctx, self._session, response, contact, self._response.invitation_id, offers
        )
        known = review_requests.load_reservations(self._session, review_subjects(self._session, self._contact))
        others = [one for one in known if one.response_id != self._response.id]
        try:
            chosen = choose_invitation(self._ctx, contact, response, reachable, others)
        except NoReviewInvitation as declined:
            self._decline(next(iter(reachable.values())), rows, str(declined))
            return
        row = self._row_for(chosen, rows)
        row.state, row.hold_code = ("held", HoldCode.SHADOW) if self._ctx.shadow else ("pending", None)
        row.finished_at = row.last_error = row.cancel_code = None
        self._schedule(row, chosen, self._due(chosen))

    def _decline(self, offer: PlannedAction, rows: Sequence[DeliveryRow], reason: str) -> None:
        """The no is written down like a yes."""
        row = self._row_for(offer, rows)
        row.state, row.last_error, row.finished_at = "cancelled", reason, self._now
        row.cancel_code = CancelCode.REVIEW_DECLINED

    def _schedule(self, row: DeliveryRow, offer: PlannedAction, due: datetime) -> None:
        row.options = {**row.options, **route_options(offer), "first_due": due.isoformat()}
        row.due_at, row.revision = due, self._response.revision
        if row.state == "pending":
            row.hold_code = row.hold_detail = None
        self.queues.add(row.queue_name)

    def _row_for(self, offer: PlannedAction, rows: Sequence[DeliveryRow]) -> DeliveryRow:
        """The row of this answer and platform: the one that was given up before, or a new one."""
        for row in rows:
            if row.options["platform"] == offer.via and not is_reminder(row):
                return row
        row = DeliveryRow(**invitation_columns(self._ctx, self._response, offer, self._now))
        self._session.add(row)
        return row

    def _due(self, offer: PlannedAction) -> datetime:
        return next_send_time(self._ctx, self._answered.contact, self._now + offer.delay)


def _is_revivable(row: DeliveryRow) -> bool:
    """Whether a review mail was stopped by us before it began, and may be taken up again."""
    stopped = row.state == "cancelled" and row.first_started_at is None
    return stopped and row.cancel_code in (CancelCode.RESPONSE_CHANGED, CancelCode.REVIEW_DECLINED)


def route_options(offer: PlannedAction) -> dict[str, Any]:
    """What the route says of an invitation."""
    return {"route": offer.route, "lead": offer.lead}
