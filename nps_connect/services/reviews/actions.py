"""The action `invite_review`: preparation and consequences of review mails.

The reservation of the contact is taken right before the mail goes out: the first mail to go has it, whatever other
responses have planned.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from nps_connect.ledger import review_report, review_requests
from nps_connect.ledger.tables import ContactRow, DeliveryRow
from nps_connect.records.deliveries import CancelCode, ReviewDestination
from nps_connect.records.responses import ContactResponse
from nps_connect.rendering import mails
from nps_connect.rendering.languages import choose_language
from nps_connect.rules.retry_plan import parse_retry_plan
from nps_connect.services.action_spec import (
    AbandonedDelivery,
    ActionSpec,
    NotAttempted,
    PreparationBatch,
    Prepared,
    SettledDelivery,
)
from nps_connect.services.contacts.store import load_contact_subjects
from nps_connect.services.context import Context
from nps_connect.services.deliveries.customer_mail import build_customer_message, build_sender, unsubscribe_url
from nps_connect.services.deliveries.preparation import contact_response, survey_pause
from nps_connect.services.links import ReviewLink
from nps_connect.services.reviews.invitations import asked_before_reason, block_reason, is_reminder
from nps_connect.services.reviews.reminders import has_opened_link, plan_reminder
from nps_connect.services.reviews.review_pages import resolve_review_page
from nps_connect.services.reviews.ticket_wait import ticket_wait
from nps_connect.services.suppressions.bounces import record_smtp_refusals
from nps_connect.settings.model import Settings


def _build_invitation(batch: PreparationBatch, row: DeliveryRow) -> Prepared | NotAttempted:
    ctx, session, contact = batch.ctx, batch.session, batch.contact(row)
    answered, platform = contact_response(batch, row), row.options["platform"]
    stopped = survey_pause(session, answered.response.survey) or _check_before_send(ctx, session, row, contact)
    if stopped is not None:
        return stopped
    page = resolve_review_page(
        ctx, session, platform, answered.response, answered.contact, batch.response(row).invitation_id
    )
    if isinstance(page, str):
        return NotAttempted.skipped(f"{platform} has no review page for this person: {page}")
    return _build_message(ctx, row, answered, contact, page)


def _check_before_send(ctx: Context, session: Session, row: DeliveryRow, contact: ContactRow) -> NotAttempted | None:
    """Return why a review mail does not go out now, or None; then the reservation of the contact is taken."""
    if is_reminder(row) and has_opened_link(session, row):
        return NotAttempted.cancelled(CancelCode.REVIEW_LINK_OPENED)
    wait = ticket_wait(ctx, session, row, contact)
    if wait is not None:
        return wait  # without the reservation: the mail of another response may go out first
    reason = None if is_reminder(row) else _reserve_review_request(ctx, session, row, contact)
    return NotAttempted.cancelled(CancelCode.REVIEW_DECLINED, reason) if reason else None


def _reserve_review_request(ctx: Context, session: Session, row: DeliveryRow, contact: ContactRow) -> str | None:
    """Reserve the review request of a response; return the reason why another response holds it, or None."""
    now, subjects, platform = ctx.clock(), load_contact_subjects(session, contact), row.options["platform"]
    until = now + ctx.settings.reviews.cooldown
    savepoint = session.begin_nested()
    reservations = review_requests.build_reservations(subjects, platform, response_id=row.response_id or 0, until=until)
    if review_requests.reserve(session, reservations, now=now):
        savepoint.commit()
        return None
    savepoint.rollback()
    stored = review_requests.load_reservations(session, subjects)
    others = [reservation for reservation in stored if reservation.response_id != row.response_id]
    return block_reason([platform], others, now) or asked_before_reason([platform])


def _build_message(
    ctx: Context, row: DeliveryRow, answered: ContactResponse, contact: ContactRow, page: ReviewDestination
) -> Prepared:
    """Build the mail after a response, or its reminder, with the personal link to the review page."""
    token = ctx.links.review(ReviewLink(row.response_id or 0, row.options["platform"], "mail"))
    rendered = mails.render_review_mail(
        language=choose_language([answered.response.language, contact.language], ctx.settings.core.languages),
        sender=build_sender(ctx),
        name=contact.name,
        lead=row.options["lead"],
        platform=page.title,
        review_url=ctx.links.url("r", token),
        unsubscribe_url=unsubscribe_url(ctx, contact),
        reminder=is_reminder(row),
    )
    return build_customer_message(ctx, row, "review_invitation", contact, rendered, answered.response.survey)


def _record_sent(ctx: Context, session: Session, settled: Sequence[SettledDelivery], now: datetime) -> set[str]:
    """Make the reservations permanent, count the mails, and plan their reminders."""
    queue_names: set[str] = set()
    for delivery in settled:
        row, platform = delivery.row, delivery.row.options["platform"]
        until = now + ctx.settings.reviews.cooldown
        review_requests.confirm(session, row.response_id or 0, platform, until=until)
        review_report.record_review_link_event(session, row.response_id or 0, platform, "sent")
        queue_names |= plan_reminder(ctx, session, row, now)
    return queue_names


def _release_review_requests(
    session: Session, abandoned: Sequence[AbandonedDelivery], _settings: Settings, _now: datetime
) -> set[str]:
    """Give the reservations of the contacts back."""
    for delivery in abandoned:
        review_requests.release(session, delivery.row.response_id or 0, delivery.row.options["platform"])
    return set()


INVITE_REVIEW = ActionSpec(
    action="invite_review",
    hook="nps_send_messages",
    build=_build_invitation,
    retry_plan=parse_retry_plan("30s 2m 10m 30m 1h 3h 6h 12h 12h", total="2d"),
    priority=7,
    customer_facing=True,
    in_doubt="hold",
    contact_lookup="own",
    on_success=_record_sent,
    on_failure=record_smtp_refusals,
    release=_release_review_requests,
)
ACTIONS = (INVITE_REVIEW,)
