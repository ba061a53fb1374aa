"""Sending: everything is read again right before a review mail goes out, and what becomes of it is accounted for.

Here the person's place is taken: whoever goes out first has it, whatever other answers have planned.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session

from nps_connect.ledger import review_report, review_requests
from nps_connect.ledger.tables import ContactRow, DeliveryRow
from nps_connect.records.deliveries import CancelCode
from nps_connect.services.contacts.store import load_contact_subjects
from nps_connect.services.context import Context
from nps_connect.services.deliveries.preflight import NotAttempted
from nps_connect.services.reviews.invitations import asked_before_reason, block_reason, is_reminder
from nps_connect.services.reviews.reminders import has_opened_link, plan_reminder
from nps_connect.services.reviews.ticket_wait import ticket_wait


def check_before_send(ctx: Context, session: Session, row: DeliveryRow, contact: ContactRow) -> NotAttempted | None:
    """Return why a review mail does not go out now, or None if it may go.

    Args:
        ctx: the joined parts.
        session: the transaction in which the start is noted.
        row: the claimed delivery.
        contact: the person as they are now, after all merges.
    """
    reminder = is_reminder(row)
    if reminder and has_opened_link(session, row):
        return NotAttempted.cancelled(CancelCode.REVIEW_LINK_OPENED)
    wait = ticket_wait(ctx, session, row, contact)
    if wait is not None:
        return wait  # without the place: another answer's mail may go out before it
    row.hold_code = row.hold_detail = None
    reason = None if reminder else _reserve_review_request(ctx, session, row, contact)
    return NotAttempted.cancelled(CancelCode.REVIEW_DECLINED, reason) if reason else None


def on_settled(ctx: Context, session: Session, row: DeliveryRow, values: Mapping[str, Any], now: datetime) -> set[str]:
    """What the ending of a review mail means for the person's place, the accounts and the reminder.

    Returns the queues that have new work.
    """
    response_id, platform = row.response_id or 0, row.options["platform"]
    if values["state"] == "succeeded":
        review_requests.confirm(session, response_id, platform, until=now + ctx.settings.reviews.cooldown)
        review_report.record_review_link_event(session, response_id, platform, "sent")
        return plan_reminder(ctx, session, row, now)
    if values["state"] in ("cancelled", "skipped", "dead"):
        review_requests.release(session, response_id, platform)
    return set()


def _reserve_review_request(ctx: Context, session: Session, row: DeliveryRow, contact: ContactRow) -> str | None:
    """Reserve the review request of a response; return the reason why another response holds it, or None."""
    now, names, platform = ctx.clock(), load_contact_subjects(session, contact), row.options["platform"]
    until = now + ctx.settings.reviews.cooldown
    savepoint = session.begin_nested()
    if review_requests.reserve(
        session,
        review_requests.build_reservations(names, platform, response_id=row.response_id or 0, until=until),
        now=now,
    ):
        savepoint.commit()
        return None
    savepoint.rollback()
    stored = review_requests.load_reservations(session, names)
    others = [reservation for reservation in stored if reservation.response_id != row.response_id]
    return block_reason([platform], others, now) or asked_before_reason([platform])
