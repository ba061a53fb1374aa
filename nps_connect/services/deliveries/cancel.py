"""Cancelling: what has not started yet is stopped, and its cooldown released."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlmodel import Session, col

from nps_connect.ledger import cooldowns, review_requests
from nps_connect.ledger.tables import ContactRow, DeliveryRow, InvitationRow
from nps_connect.records.deliveries import CancelCode, cancel_text
from nps_connect.services.contacts.store import merged_contact_ids
from nps_connect.services.context import Context

MAIL_ACTIONS = ("send_survey", "send_reminder", "invite_review")


def cancel_mail(ctx: Context, session: Session, contact: ContactRow, *, reason: str) -> int:
    """Cancel all mail to a contact that has not started; return the number of deliveries."""
    contact_ids = merged_contact_ids(session, contact)
    mails = col(DeliveryRow.contact_id).in_(contact_ids), col(DeliveryRow.action).in_(MAIL_ACTIONS)
    return cancel_deliveries(ctx, session, CancelCode.CONTACT_BLOCKED, *mails, detail=reason)


def cancel_deliveries(
    ctx: Context, session: Session, code: CancelCode, *conditions: ColumnElement[bool], detail: str | None = None
) -> int:
    """Cancel the deliveries that match all conditions and have not started; return their number."""
    unstarted = col(DeliveryRow.state).in_(("pending", "held")), col(DeliveryRow.in_doubt).is_(False)
    query = select(DeliveryRow).where(*conditions, *unstarted).with_for_update(skip_locked=True)
    deliveries = list(session.execute(query).scalars())
    for delivery in deliveries:
        cancel(ctx, session, delivery, code, detail)
    return len(deliveries)


def cancel(ctx: Context, session: Session, row: DeliveryRow, code: CancelCode, detail: str | None = None) -> None:
    """Cancel one delivery that has not started."""
    reason = cancel_text(code, detail)
    row.state, row.cancel_code, row.last_error = "cancelled", code, reason
    row.hold_code = row.hold_detail = None
    row.finished_at = ctx.clock()
    release_reservations(session, row, reason=reason, cooldown=ctx.settings.limits.cooldown, now=ctx.clock())
    session.flush()


def release_reservations(
    session: Session, row: DeliveryRow, *, reason: str, cooldown: timedelta, now: datetime
) -> None:
    """A survey that will not be sent gives its cooldown back, a review invitation its person's place.

    Args:
        session: the transaction.
        row: the delivery.
        reason: why it is not sent.
        cooldown: as configured.
        now: the present moment.
    """
    if row.action == "invite_review" and not row.in_doubt:
        review_requests.release(session, row.response_id or 0, row.options["platform"])
    if row.action != "send_survey" or row.invitation_id is None:
        return
    invitation = session.get(InvitationRow, row.invitation_id)
    if invitation is not None and invitation.state == "planned":
        invitation.state, invitation.reason = "cancelled", reason
        cooldowns.release(session, row.invitation_id, cooldown=cooldown, now=now)
