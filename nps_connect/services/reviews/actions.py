"""The action `invite_review`: preparation and consequences of review mails.

The reservation of the contact is taken right before the mail goes out: the first mail to go has it, whatever other
responses have planned.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, func, or_, select, update
from sqlmodel import Session, col

from nps_connect.ledger import review_report, review_requests
from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.review_report import ReviewLinkStateRow
from nps_connect.ledger.tables import ContactRow, DeliveryRow
from nps_connect.records.actions import CancelCode, HoldCode
from nps_connect.records.deliveries import ReviewDestination
from nps_connect.records.responses import ContactResponse
from nps_connect.rendering import mails
from nps_connect.rendering.catalogs import choose_language
from nps_connect.services.action_spec import (
    EXPEDITED_OPTION,
    AbandonedDelivery,
    ActionHandler,
    NotAttempted,
    PreparationBatch,
    Prepared,
    SettledDelivery,
)
from nps_connect.services.contacts.store import merged_contact_ids
from nps_connect.services.context import Context
from nps_connect.services.deliveries.cancel import UNSTARTED_STATES, cancel
from nps_connect.services.deliveries.customer_mail import (
    build_customer_message,
    build_sender,
    survey_pause,
    unsubscribe_url,
)
from nps_connect.services.deliveries.factory import NewDelivery, enqueue_deliveries
from nps_connect.services.deliveries.preparation import contact_response, stored_contact
from nps_connect.services.links import ReviewLink
from nps_connect.services.reviews.invitations import asked_before_reason, block_reason, is_reminder
from nps_connect.services.reviews.review_pages import resolve_review_page
from nps_connect.services.suppressions.bounces import record_smtp_refusals
from nps_connect.settings.model import Settings


def _build_invitation(batch: PreparationBatch, row: DeliveryRow) -> Prepared | NotAttempted:
    ctx, session, contact = batch.ctx, batch.session, stored_contact(batch, row)
    answered, platform = contact_response(batch, row), row.options["platform"]
    stopped = survey_pause(session, answered.response.survey) or _check_before_send(batch, row, contact)
    if stopped is not None:
        return stopped
    page = resolve_review_page(
        ctx, session, platform, answered.response, answered.contact, batch.responses[row.response_id or 0].invitation_id
    )
    if isinstance(page, str):
        return NotAttempted.skipped(f"{platform} has no review page for this person: {page}")
    return _build_message(ctx, row, answered, contact, page)


def _check_before_send(batch: PreparationBatch, row: DeliveryRow, contact: ContactRow) -> NotAttempted | None:
    """Return why a review mail does not go out now, or None; then the reservation of the contact is taken."""
    if is_reminder(row) and has_opened_link(batch.session, row):
        return NotAttempted.cancelled(CancelCode.REVIEW_LINK_OPENED)
    wait = ticket_wait(batch.ctx, batch.session, row, contact)
    if wait is not None:
        return wait  # without the reservation: the mail of another response may go out first
    reason = None if is_reminder(row) else _reserve_review_request(batch, row, contact)
    return NotAttempted.cancelled(CancelCode.REVIEW_DECLINED, reason) if reason else None


def _reserve_review_request(batch: PreparationBatch, row: DeliveryRow, contact: ContactRow) -> str | None:
    """Reserve the review request of a response; return the reason why another response holds it, or None."""
    ctx, session, subjects = batch.ctx, batch.session, batch.people[contact.id or 0].subjects
    now, platform = ctx.clock(), row.options["platform"]
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
    token = ctx.links.review(ReviewLink(answered.response.id, row.options["platform"], "mail"))
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


def load_review_deliveries(session: Session, response_id: int, *, lock: bool = False) -> list[DeliveryRow]:
    """Return the review mails of a response, invitation and reminder, oldest first."""
    query = (
        select(DeliveryRow)
        .where(col(DeliveryRow.response_id) == response_id, col(DeliveryRow.action) == "invite_review")
        .order_by(col(DeliveryRow.id))
    )
    return list(session.execute(query.with_for_update() if lock else query).scalars())


def plan_reminder(ctx: Context, session: Session, invitation: DeliveryRow, now: datetime) -> set[str]:
    """Plan the reminder of an invitation that was just sent, if configured; return the queues with new work."""
    after, contact = ctx.settings.reviews.reminder_after, session.get(ContactRow, invitation.contact_id)
    if after is None or contact is None or is_reminder(invitation) or has_opened_link(session, invitation):
        return set()
    due_at = now + after  # moved out of quiet hours when it is due, as they are then
    options: dict[str, Any] = {**invitation.options, "reminder": True, "first_due": due_at.isoformat()}
    options.pop(EXPEDITED_OPTION, None)
    reminder = NewDelivery(
        connection=invitation.connection,
        action="invite_review",
        subject=invitation.key,
        route="reminder",
        due_at=due_at,
        contact_id=invitation.contact_id,
        invitation_id=invitation.invitation_id,
        response_id=invitation.response_id,
        revision=invitation.revision,
        options=options,
    )
    return enqueue_deliveries(session, [reminder], now, skip_existing=True).queue_names


def has_opened_link(session: Session, mail: DeliveryRow) -> bool:
    """Return whether the link of a review mail was opened without bot signals, in the mail or on the page."""
    query = exists().where(
        col(ReviewLinkStateRow.response_id) == mail.response_id,
        col(ReviewLinkStateRow.platform) == mail.options["platform"],
        col(ReviewLinkStateRow.opened).is_(True),
    )
    return bool(session.execute(select(query)).scalar())


def cancel_reminder(ctx: Context, session: Session, response_id: int, code: CancelCode) -> None:
    """Cancel the reminder of a response if it has not started."""
    for mail in load_review_deliveries(session, response_id, lock=True):
        if is_reminder(mail) and mail.state in UNSTARTED_STATES and mail.first_started_at is None:
            cancel(ctx, session, mail, code)


TICKET_RECHECK_INTERVAL = timedelta(days=1)
"""How often a waiting mail checks its ticket, where the helpdesk sends no event when it is solved."""


def ticket_wait(ctx: Context, session: Session, mail: DeliveryRow, contact: ContactRow) -> NotAttempted | None:
    """Return until when a review mail waits for an open ticket or case, or None if it may go."""
    contact_ids = merged_contact_ids(session, contact)
    since = (_open_ticket_since(session, contact_ids), _open_case_since(session, contact_ids))
    opened_at = max((moment for moment in since if moment is not None), default=None)
    if opened_at is None:
        return None
    now = ctx.clock()
    first_due = datetime.fromisoformat(mail.options.get("first_due") or mail.created_at.isoformat())
    limit = min(opened_at, first_due) + ctx.settings.reviews.wait_for_ticket
    if now >= limit:
        return None
    return NotAttempted.deferred(HoldCode.TICKET_OPEN, min(limit, now + TICKET_RECHECK_INTERVAL))


def _open_ticket_since(session: Session, contact_ids: Sequence[int]) -> datetime | None:
    """Return since when (UTC) these contacts have had an unsolved or planned ticket, the newest one; None without."""
    return session.execute(
        select(
            func.max(func.coalesce(col(CaseRow.opened_at), col(DeliveryRow.finished_at), col(DeliveryRow.created_at)))
        )
        .select_from(DeliveryRow)
        .outerjoin(CaseRow, col(CaseRow.response_id) == col(DeliveryRow.response_id))
        .where(
            col(DeliveryRow.contact_id).in_(contact_ids),
            col(DeliveryRow.action) == "open_ticket",
            col(DeliveryRow.state).in_(("pending", "running", "held", "succeeded")),
            or_(col(CaseRow.state).is_(None), col(CaseRow.state) == "open"),
        )
    ).scalar()


def _open_case_since(session: Session, contact_ids: Sequence[int]) -> datetime | None:
    """Return since when (UTC) these contacts have had an open case without a ticket, the newest one; None without."""
    return session.execute(
        select(func.max(col(CaseRow.opened_at))).where(
            col(CaseRow.contact_id).in_(contact_ids),
            col(CaseRow.connection).is_(None),
            col(CaseRow.state) == "open",
        )
    ).scalar()


def release_waiting_mail(session: Session, contact_id: int, now: datetime) -> set[str]:
    """Make review mails due that waited for a ticket or case of this contact; return their queues."""
    contact = session.get(ContactRow, contact_id)
    contact_ids = merged_contact_ids(session, contact) if contact is not None else [contact_id]
    released = session.execute(
        update(DeliveryRow)
        .where(
            col(DeliveryRow.contact_id).in_(contact_ids),
            col(DeliveryRow.state) == "pending",
            col(DeliveryRow.hold_code) == HoldCode.TICKET_OPEN,
        )
        .values(due_at=now)
        .returning(col(DeliveryRow.queue_name))
        .execution_options(synchronize_session=False)
    )
    return set(released.scalars())


INVITE_REVIEW_HANDLER = ActionHandler(
    build=_build_invitation,
    on_success=_record_sent,
    on_failure=record_smtp_refusals,
    release=_release_review_requests,
)
