"""Preparing: from a delivery row to the record that its hook receives, or to an early ending."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.flows.contacts.people import as_contact, remember, survivor
from nps_connect.flows.context import Context
from nps_connect.flows.delivering import messages
from nps_connect.flows.delivering.endings import Ending
from nps_connect.flows.delivering.permit import refusal
from nps_connect.flows.delivering.scores import score_update, ticket_of
from nps_connect.flows.inviting.remind import CONFIRM, hindrance_to_confirm
from nps_connect.flows.inviting.surveying import hindrance, paused
from nps_connect.flows.responding.answers import answered_contact, is_confirmed
from nps_connect.flows.responding.contest import CONTESTED
from nps_connect.flows.reviewing import sending
from nps_connect.flows.reviewing.review import page_of
from nps_connect.flows.routing.overdue import is_overdue
from nps_connect.flows.routing.overdue import worded as overdue
from nps_connect.ledger.tables import ContactRow, DeliveryRow, InvitationRow, ResponseRow
from nps_connect.records.contacts import Contact
from nps_connect.records.deliveries import (
    Alert,
    OptOut,
    Payload,
    Priority,
    ScoreUpdate,
    TicketDraft,
    TicketUpdate,
)
from nps_connect.records.messages import Message
from nps_connect.records.responses import AnsweredContact
from nps_connect.rules import tickets
from nps_connect.rules.timing import expiry
from nps_connect.wording import staff

WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
"""How often a score looks for the ticket that it is to link to, and how long after the answer."""

SOLVED_MEANWHILE = Ending("cancelled", "the case was solved meanwhile")


def prepare(ctx: Context, session: Session, row: DeliveryRow, looked: Contact | None) -> Payload | Ending:
    """What the hook receives; made anew for each try, except where a retry must send the same bytes.

    Args:
        ctx: the joined parts.
        session: the transaction in which the start is noted.
        row: the claimed delivery.
        looked: the person as a vendor knows them now, where that was asked.
    """
    response = session.get(ResponseRow, row.response_id) if row.response_id else None
    if response is not None and response.contested_at is not None:
        return Ending("held", CONTESTED)
    return _PREPARERS[row.action](ctx, session, row, looked)


def _person(ctx: Context, session: Session, row: DeliveryRow, looked: Contact | None) -> ContactRow:
    contact = session.get(ContactRow, row.contact_id) if row.contact_id else None
    if contact is None:
        raise ValueError(f"delivery {row.id} is about nobody")
    contact = survivor(session, contact)
    if looked is None or looked.connection != contact.connection:
        return contact
    known = remember(session, looked, ctx.clock())
    return survivor(session, known)


def _answer(session: Session, row: DeliveryRow, contact: ContactRow) -> tuple[ResponseRow, AnsweredContact]:
    response = session.get(ResponseRow, row.response_id) if row.response_id else None
    if response is None:
        raise ValueError(f"delivery {row.id} belongs to no response")
    return response, answered_contact(session, response, contact)


def _survey(ctx: Context, session: Session, row: DeliveryRow, looked: Contact | None) -> Message | Ending:
    contact = _person(ctx, session, row, looked)
    reason = refusal(ctx, session, contact)
    invitation = session.get(InvitationRow, row.invitation_id)
    if reason is not None or invitation is None:
        return Ending("cancelled", reason or "its invitation is gone")
    stopped = hindrance(ctx, session, row, invitation, contact)
    if stopped is not None:
        return stopped
    survey = ctx.settings.surveys.get(invitation.survey)
    if survey is not None:  # a mail that had to wait leaves as many days to answer
        invitation.expires_at = expiry(ctx.clock(), survey.expires_after, ctx.settings.core.zone)
    return messages.survey(ctx, row, invitation, contact)


def _reminder(ctx: Context, session: Session, row: DeliveryRow, looked: Contact | None) -> Message | Ending:
    contact = _person(ctx, session, row, looked)
    reason = refusal(ctx, session, contact)
    invitation = session.get(InvitationRow, row.invitation_id)
    if reason is not None or invitation is None:
        return Ending("cancelled", reason or "its invitation is gone")
    if invitation.state != "sent" or ctx.clock() >= invitation.expires_at:
        return Ending("cancelled", "the survey is over")
    if (stopped := paused(session, invitation.survey)) is not None:
        return stopped
    query = select(ResponseRow).where(col(ResponseRow.invitation_id) == invitation.id)
    response = session.execute(query).scalar()
    if is_confirmed(response):
        return Ending("cancelled", "answered meanwhile")
    reason = hindrance_to_confirm(session, row, response) if CONFIRM in row.options else None
    if reason is not None:
        return Ending("cancelled", reason)
    return messages.survey(ctx, row, invitation, contact)


def _review(ctx: Context, session: Session, row: DeliveryRow, looked: Contact | None) -> Message | Ending:
    contact = _person(ctx, session, row, looked)
    reason = refusal(ctx, session, contact)
    if reason is not None:
        return Ending("cancelled", reason)
    response, answered = _answer(session, row, contact)
    if (stopped := paused(session, response.survey)) is not None:
        return stopped
    hindered = sending.hindrance(ctx, session, row, contact)
    if isinstance(hindered, str):
        return Ending("cancelled", hindered)
    if hindered is not None:
        return Ending("pending", hindered.reason, hindered.until)
    page = page_of(ctx, session, row.options["platform"], answered.response, answered.contact, response.invitation_id)
    if isinstance(page, str):
        return Ending("skipped", f"{row.options['platform']} has no review page for this person: {page}")
    return messages.review(ctx, row, answered, contact, page)


def _score(ctx: Context, session: Session, row: DeliveryRow, looked: Contact | None) -> ScoreUpdate | Ending:
    contact = _person(ctx, session, row, None)
    if contact.erased_at is not None:
        return Ending("cancelled", "the person was erased")
    _, answered = _answer(session, row, contact)
    at = looked or answered.contact
    if row.options.get("comment") != "link":
        return score_update(row.key, row.options, at, answered.response, answered.history)
    state, link = ticket_of(session, row.response_id)
    if state in ("pending", "running") and ctx.clock() - answered.response.answered_at < LONGEST_WAIT:
        return Ending("pending", "waits for its ticket, to link to it", ctx.clock() + WAIT)
    if link is None and at.connection != answered.contact.connection:
        link = answered.contact.link
    return score_update(row.key, row.options, at, answered.response, answered.history, link)


def _priority(ctx: Context, score: int) -> Priority:
    cases = ctx.settings.cases
    return tickets.priority(score, urgent_up_to=cases.urgent_up_to, high_up_to=cases.high_up_to)


def _ticket(ctx: Context, session: Session, row: DeliveryRow, _looked: Contact | None) -> TicketDraft | Ending:
    if row.payload is not None:
        return TicketDraft.model_validate(row.payload)
    contact = _person(ctx, session, row, None)
    if contact.erased_at is not None:
        return Ending("cancelled", "the person was erased")
    response, answered = _answer(session, row, contact)
    row.revision = response.revision
    core = ctx.settings.core
    deadline = tickets.deadline(answered.response.answered_at, core.zone)
    worded = staff.ticket(
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
        priority=_priority(ctx, answered.response.score),
        tags=tickets.tags(answered.response.segment, answered.response.survey),
        deadline=deadline,
    )


def _ticket_update(ctx: Context, session: Session, row: DeliveryRow, _looked: Contact | None) -> TicketUpdate | Ending:
    opened = session.get(DeliveryRow, row.after_id) if row.after_id else None
    if opened is None or opened.state != "succeeded" or opened.receipt_id is None:
        return Ending("held", "waits for its ticket")
    contact = _person(ctx, session, row, None)
    if contact.erased_at is not None:
        return Ending("cancelled", "the person was erased")
    _, answered = _answer(session, row, contact)
    told = TicketDraft.model_validate(opened.payload) if opened.payload else None
    recovered = row.options.get("case") == "recovered"
    worded = staff.ticket_update(
        language=ctx.settings.core.language,
        answered=answered,
        previous_score=told.response.score if told else None,
        asked_again=recovered,
    )
    return TicketUpdate(
        contact=answered.contact,
        response=answered.response,
        history=answered.history,
        idempotency_key=row.key,
        ticket_id=opened.receipt_id,
        body=worded.text,
        priority=_priority(ctx, answered.response.score),
        tags=tickets.tags(answered.response.segment, answered.response.survey, recovered=recovered),
    )


def _alert(ctx: Context, session: Session, row: DeliveryRow, _looked: Contact | None) -> Alert | Ending:
    contact = _person(ctx, session, row, None)
    if contact.erased_at is not None:
        return Ending("cancelled", "the person was erased")
    _, answered = _answer(session, row, contact)
    link = answered.contact.link
    if is_overdue(row):
        late = overdue(ctx, session, row, answered)
        if late is None:
            return SOLVED_MEANWHILE
        worded, link = late[0], late[1] or link
    else:
        worded = staff.alert(language=ctx.settings.core.language, answered=answered, link=link)
    return Alert(
        contact=answered.contact,
        response=answered.response,
        history=answered.history,
        idempotency_key=row.key,
        title=worded.subject,
        body=worded.text,
        link=link,
    )


def _opt_out(ctx: Context, session: Session, row: DeliveryRow, _looked: Contact | None) -> OptOut | Ending:
    contact = _person(ctx, session, row, None)
    if contact.erased_at is not None:
        return Ending("cancelled", "the person was erased")
    return OptOut(idempotency_key=row.key, contact=as_contact(contact), at=row.created_at)


def _fallback(ctx: Context, session: Session, row: DeliveryRow, _looked: Contact | None) -> Message | Ending:
    if row.response_id is None:
        return messages.notice(ctx, row)
    contact = _person(ctx, session, row, None)
    _, answered = _answer(session, row, contact)
    if not is_overdue(row):
        return messages.fallback(ctx, row, answered)
    late = overdue(ctx, session, row, answered)
    return messages.to_staff(ctx, row, late[0]) if late else SOLVED_MEANWHILE


_Preparer = Callable[[Context, Session, DeliveryRow, Contact | None], Payload | Ending]

_PREPARERS: dict[str, _Preparer] = {
    "send_survey": _survey,
    "send_reminder": _reminder,
    "invite_review": _review,
    "write_score": _score,
    "open_ticket": _ticket,
    "update_ticket": _ticket_update,
    "send_alert": _alert,
    "write_opt_out": _opt_out,
    "send_fallback": _fallback,
}
