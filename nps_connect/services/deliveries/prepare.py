"""Preparing: from a delivery row to the record that its hook receives, or to an early ending."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.tables import ContactRow, DeliveryRow, InvitationRow, ResponseRow
from nps_connect.records.contacts import Contact
from nps_connect.records.deliveries import (
    Alert,
    CancelCode,
    HoldCode,
    OptOut,
    Payload,
    Priority,
    ScoreUpdate,
    TicketDraft,
    TicketUpdate,
)
from nps_connect.records.messages import Message
from nps_connect.records.responses import ContactResponse
from nps_connect.rendering import staff_texts
from nps_connect.rules import tickets
from nps_connect.rules.timing import link_expiry
from nps_connect.services.cases.overdue import is_overdue_alert
from nps_connect.services.cases.overdue import render_overdue_alert as overdue
from nps_connect.services.contacts.contactability import block_reason
from nps_connect.services.contacts.response_records import is_confirmed, load_contact_response
from nps_connect.services.contacts.store import build_contact, surviving_contact, upsert_contact
from nps_connect.services.context import Context
from nps_connect.services.deliveries import messages
from nps_connect.services.deliveries.preflight import NotAttempted
from nps_connect.services.deliveries.scores import build_score_update, load_ticket_state
from nps_connect.services.invitations.pre_send_checks import check_before_send, check_survey_pause
from nps_connect.services.invitations.reminders import CONFIRM_OPTION, confirmation_block_reason
from nps_connect.services.reviews import delivery_callbacks
from nps_connect.services.reviews.review_pages import resolve_review_page

TICKET_POLL_INTERVAL, TICKET_WAIT_TIMEOUT = timedelta(minutes=1), timedelta(hours=1)
"""How often a score looks for the ticket that it is to link to, and how long after the answer."""

CASE_SOLVED = NotAttempted.cancelled(CancelCode.CASE_SOLVED)
CONTACT_ERASED = NotAttempted.cancelled(CancelCode.CONTACT_BLOCKED, "the contact was erased")


def prepare(ctx: Context, session: Session, row: DeliveryRow, looked: Contact | None) -> Payload | NotAttempted:
    """What the hook receives; made anew for each try, except where a retry must send the same bytes.

    Args:
        ctx: the joined parts.
        session: the transaction in which the start is noted.
        row: the claimed delivery.
        looked: the person as a vendor knows them now, where that was asked.
    """
    response = session.get(ResponseRow, row.response_id) if row.response_id else None
    if response is not None and response.conflicting_at is not None:
        return NotAttempted.held(HoldCode.CONFLICTING_SCORES)
    return _PREPARERS[row.action](ctx, session, row, looked)


def _load_contact(ctx: Context, session: Session, row: DeliveryRow, looked: Contact | None) -> ContactRow:
    contact = session.get(ContactRow, row.contact_id) if row.contact_id else None
    if contact is None:
        raise ValueError(f"delivery {row.id} is about nobody")
    contact = surviving_contact(session, contact)
    if looked is None or looked.connection != contact.connection:
        return contact
    known = upsert_contact(session, looked, ctx.clock())
    return surviving_contact(session, known)


def _load_response(session: Session, row: DeliveryRow, contact: ContactRow) -> tuple[ResponseRow, ContactResponse]:
    response = session.get(ResponseRow, row.response_id) if row.response_id else None
    if response is None:
        raise ValueError(f"delivery {row.id} belongs to no response")
    return response, load_contact_response(session, response, contact)


def _prepare_survey(ctx: Context, session: Session, row: DeliveryRow, looked: Contact | None) -> Message | NotAttempted:
    contact = _load_contact(ctx, session, row, looked)
    reason = block_reason(ctx, session, contact)
    invitation = session.get(InvitationRow, row.invitation_id)
    if reason is not None:
        return NotAttempted.cancelled(CancelCode.CONTACT_BLOCKED, reason)
    if invitation is None:
        return NotAttempted.cancelled(CancelCode.INVITATION_OVER)
    stopped = check_before_send(ctx, session, row, invitation, contact)
    if stopped is not None:
        return stopped
    survey = ctx.settings.surveys.get(invitation.survey)
    if survey is not None:  # a mail that had to wait leaves as many days to answer
        invitation.expires_at = link_expiry(ctx.clock(), survey.expires_after, ctx.settings.core.zone)
    return messages.build_survey_message(ctx, row, invitation, contact)


def _prepare_reminder(
    ctx: Context, session: Session, row: DeliveryRow, looked: Contact | None
) -> Message | NotAttempted:
    contact = _load_contact(ctx, session, row, looked)
    reason = block_reason(ctx, session, contact)
    invitation = session.get(InvitationRow, row.invitation_id)
    if reason is not None:
        return NotAttempted.cancelled(CancelCode.CONTACT_BLOCKED, reason)
    if invitation is None:
        return NotAttempted.cancelled(CancelCode.INVITATION_OVER)
    if invitation.state != "sent" or ctx.clock() >= invitation.expires_at:
        return NotAttempted.cancelled(CancelCode.SURVEY_EXPIRED, "the survey is over")
    if (stopped := check_survey_pause(session, invitation.survey)) is not None:
        return stopped
    query = select(ResponseRow).where(col(ResponseRow.invitation_id) == invitation.id)
    response = session.execute(query).scalar()
    if is_confirmed(response):
        return NotAttempted.cancelled(CancelCode.ANSWERED)
    reason = confirmation_block_reason(session, row, response) if CONFIRM_OPTION in row.options else None
    if reason is not None:
        return NotAttempted.cancelled(CancelCode.CONFIRMATION_OBSOLETE, reason)
    return messages.build_survey_message(ctx, row, invitation, contact)


def _prepare_review(ctx: Context, session: Session, row: DeliveryRow, looked: Contact | None) -> Message | NotAttempted:
    contact = _load_contact(ctx, session, row, looked)
    reason = block_reason(ctx, session, contact)
    if reason is not None:
        return NotAttempted.cancelled(CancelCode.CONTACT_BLOCKED, reason)
    response, answered = _load_response(session, row, contact)
    if (stopped := check_survey_pause(session, response.survey)) is not None:
        return stopped
    hindered = delivery_callbacks.check_before_send(ctx, session, row, contact)
    if hindered is not None:
        return hindered
    page = resolve_review_page(
        ctx, session, row.options["platform"], answered.response, answered.contact, response.invitation_id
    )
    if isinstance(page, str):
        return NotAttempted.skipped(f"{row.options['platform']} has no review page for this person: {page}")
    return messages.build_review_message(ctx, row, answered, contact, page)


def _prepare_score(
    ctx: Context, session: Session, row: DeliveryRow, looked: Contact | None
) -> ScoreUpdate | NotAttempted:
    contact = _load_contact(ctx, session, row, None)
    if contact.erased_at is not None:
        return CONTACT_ERASED
    _, answered = _load_response(session, row, contact)
    at = looked or answered.contact
    if row.options.get("comment") != "link":
        return build_score_update(row.key, row.options, at, answered.response, answered.history)
    state, link = load_ticket_state(session, row.response_id)
    if state in ("pending", "running") and ctx.clock() - answered.response.answered_at < TICKET_WAIT_TIMEOUT:
        return NotAttempted.deferred(HoldCode.WAITS_FOR_TICKET, ctx.clock() + TICKET_POLL_INTERVAL)
    if link is None and at.connection != answered.contact.connection:
        link = answered.contact.link
    return build_score_update(row.key, row.options, at, answered.response, answered.history, link)


def _ticket_priority(ctx: Context, score: int) -> Priority:
    cases = ctx.settings.cases
    return tickets.priority(score, urgent_up_to=cases.urgent_up_to, high_up_to=cases.high_up_to)


def _prepare_ticket(
    ctx: Context, session: Session, row: DeliveryRow, _looked: Contact | None
) -> TicketDraft | NotAttempted:
    if row.payload is not None:
        return TicketDraft.model_validate(row.payload)
    contact = _load_contact(ctx, session, row, None)
    if contact.erased_at is not None:
        return CONTACT_ERASED
    response, answered = _load_response(session, row, contact)
    row.revision = response.revision
    core = ctx.settings.core
    deadline = tickets.deadline(answered.response.answered_at, core.zone)
    worded = staff_texts.render_ticket(
        language=core.language, company=core.company, answered=answered, deadline=deadline, zone=core.zone
    )
    return TicketDraft(
        contact=answered.contact,
        response=answered.response,
        history=answered.history,
        idempotency_key=row.key,
        external_id=f"nps-{response.public_id}",
        subject=worded.subject,
        body=worded.text,
        priority=_ticket_priority(ctx, answered.response.score),
        tags=tickets.tags(answered.response.segment, answered.response.survey),
        deadline=deadline,
    )


def _prepare_ticket_update(
    ctx: Context, session: Session, row: DeliveryRow, _looked: Contact | None
) -> TicketUpdate | NotAttempted:
    opened = session.get(DeliveryRow, row.depends_on_id) if row.depends_on_id else None
    if opened is None or opened.state != "succeeded" or opened.receipt_id is None:
        return NotAttempted.held(HoldCode.WAITS_FOR_TICKET)
    contact = _load_contact(ctx, session, row, None)
    if contact.erased_at is not None:
        return CONTACT_ERASED
    _, answered = _load_response(session, row, contact)
    told = TicketDraft.model_validate(opened.payload) if opened.payload else None
    recovered = row.options.get("case") == "recovered"
    worded = staff_texts.render_ticket_update(
        language=ctx.settings.core.language,
        answered=answered,
        previous_score=told.response.score if told else None,
        is_recovery_survey=recovered,
    )
    return TicketUpdate(
        contact=answered.contact,
        response=answered.response,
        history=answered.history,
        idempotency_key=row.key,
        ticket_id=opened.receipt_id,
        body=worded.text,
        priority=_ticket_priority(ctx, answered.response.score),
        tags=tickets.tags(answered.response.segment, answered.response.survey, recovered=recovered),
    )


def _prepare_alert(ctx: Context, session: Session, row: DeliveryRow, _looked: Contact | None) -> Alert | NotAttempted:
    contact = _load_contact(ctx, session, row, None)
    if contact.erased_at is not None:
        return CONTACT_ERASED
    _, answered = _load_response(session, row, contact)
    link = answered.contact.link
    if is_overdue_alert(row):
        late = overdue(ctx, session, row, answered)
        if late is None:
            return CASE_SOLVED
        worded, link = late[0], late[1] or link
    else:
        worded = staff_texts.render_alert(language=ctx.settings.core.language, answered=answered, link=link)
    return Alert(
        contact=answered.contact,
        response=answered.response,
        history=answered.history,
        idempotency_key=row.key,
        title=worded.subject,
        body=worded.text,
        link=link,
    )


def _prepare_opt_out(
    ctx: Context, session: Session, row: DeliveryRow, _looked: Contact | None
) -> OptOut | NotAttempted:
    contact = _load_contact(ctx, session, row, None)
    if contact.erased_at is not None:
        return CONTACT_ERASED
    return OptOut(idempotency_key=row.key, contact=build_contact(contact), at=row.created_at)


def _prepare_fallback(
    ctx: Context, session: Session, row: DeliveryRow, _looked: Contact | None
) -> Message | NotAttempted:
    if row.response_id is None:
        return messages.build_notice_message(ctx, row)
    contact = _load_contact(ctx, session, row, None)
    _, answered = _load_response(session, row, contact)
    if not is_overdue_alert(row):
        return messages.build_fallback_message(ctx, row, answered)
    late = overdue(ctx, session, row, answered)
    return messages.build_staff_message(ctx, row, late[0]) if late else CASE_SOLVED


_Preparer = Callable[[Context, Session, DeliveryRow, Contact | None], Payload | NotAttempted]

_PREPARERS: dict[str, _Preparer] = {
    "send_survey": _prepare_survey,
    "send_reminder": _prepare_reminder,
    "invite_review": _prepare_review,
    "write_score": _prepare_score,
    "open_ticket": _prepare_ticket,
    "update_ticket": _prepare_ticket_update,
    "send_alert": _prepare_alert,
    "write_opt_out": _prepare_opt_out,
    "send_fallback": _prepare_fallback,
}
