"""The actions `send_survey` and `send_reminder`: preparation and consequences of survey mails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from operator import attrgetter

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger import cooldowns
from nps_connect.ledger.tables import ContactRow, DeliveryRow, InvitationRow, ResponseRow
from nps_connect.records.actions import CancelCode
from nps_connect.rendering import mails
from nps_connect.rendering.catalogs import choose_language
from nps_connect.rules.recovery_survey import CASE_SOLVED_KIND
from nps_connect.rules.timing import last_valid_moment, link_expiry
from nps_connect.services.action_spec import (
    AbandonedDelivery,
    ActionHandler,
    NotAttempted,
    PreparationBatch,
    Prepared,
    SettledDelivery,
)
from nps_connect.services.contacts.store import is_confirmed, load_person
from nps_connect.services.context import Context
from nps_connect.services.deliveries.customer_mail import (
    build_customer_message,
    build_sender,
    survey_pause,
    unsubscribe_url,
)
from nps_connect.services.deliveries.preparation import load_invitations, stored_contact
from nps_connect.services.invitations.action_specs import SEND_REMINDER, SEND_SURVEY
from nps_connect.services.invitations.cooldown_cause import cancel_in_cooldown
from nps_connect.services.invitations.daily_cap import check_daily_cap
from nps_connect.services.invitations.reminders import (
    CONFIRM_OPTION,
    confirmation_block_reason,
    plan_reminder,
    restore_reminder,
)
from nps_connect.services.suppressions.bounces import record_smtp_refusals
from nps_connect.settings.model import Settings


def build_survey_message(ctx: Context, row: DeliveryRow, invitation: InvitationRow, contact: ContactRow) -> Prepared:
    """Build the survey mail or a reminder, in the language of the trigger, else in the contact's present one."""
    core = ctx.settings.core
    survey, trigger = ctx.settings.surveys.get(invitation.survey), ctx.settings.trigger_by_label.get(invitation.trigger)
    candidates = [trigger.language if trigger else None, contact.language, invitation.language]
    language = choose_language(candidates, core.languages)
    invitation.language = language  # the page is shown in it too
    is_reminder = row.action == SEND_REMINDER.action
    rendered = mails.render_survey_mail(
        language=language,
        sender=build_sender(ctx, survey, language),
        name=contact.name,
        touchpoint=invitation.touchpoint,
        question=survey.question.get(language) if survey else None,
        survey_url=ctx.links.url("s", ctx.links.survey(invitation.public_id)),
        unsubscribe_url=unsubscribe_url(ctx, contact),
        expires_at=last_valid_moment(invitation.expires_at, core.zone),
        reminder=is_reminder,
        confirm=row.options.get(CONFIRM_OPTION),
    )
    kind = "reminder" if is_reminder else "survey"
    return build_customer_message(ctx, row, kind, contact, rendered, invitation.survey)


def _build_mail(batch: PreparationBatch, row: DeliveryRow) -> Prepared | NotAttempted:
    contact, invitation = stored_contact(batch, row), batch.invitations.get(row.invitation_id or 0)
    if invitation is None:
        return NotAttempted.cancelled(CancelCode.INVITATION_OVER)
    if row.action == SEND_SURVEY.action:
        stopped = _check_survey(batch, row, invitation, contact)
    else:
        stopped = _check_reminder(batch, row, invitation)
    return stopped or build_survey_message(batch.ctx, row, invitation, contact)


def _check_survey(
    batch: PreparationBatch, row: DeliveryRow, invitation: InvitationRow, contact: ContactRow
) -> NotAttempted | None:
    """Return why a survey mail is not sent now; None if it may be sent, and then its cooldown is reserved."""
    ctx, session = batch.ctx, batch.session
    now, survey = ctx.clock(), ctx.settings.surveys.get(invitation.survey)
    if now >= invitation.expires_at:
        return NotAttempted.cancelled(CancelCode.SURVEY_EXPIRED)
    if invitation.state == "planned":
        stopped = survey_pause(session, invitation.survey) or check_daily_cap(ctx, session, row, invitation)
        if stopped is not None:
            return stopped
        person, exempt = batch.people[contact.id or 0], cooldown_exempt_triggers(ctx.settings)
        is_reserved = cooldowns.reserve(  # for the person as it is now: contacts may have been merged
            session,
            person.subjects,
            invitation_id=invitation.id or 0,
            until=now + ctx.settings.limits.cooldown,
            now=now,
            exempt=exempt,
            ignore_cooldown=invitation.trigger in exempt,
        )
        if not is_reserved:
            stopped = cancel_in_cooldown(ctx, session, invitation, person)
            invitation.state, invitation.reason = (
                "cancelled",
                stopped.detail,
            )
            cooldowns.release(session, invitation.id or 0, cooldown=ctx.settings.limits.cooldown, now=now)
            return stopped
        invitation.mailbox = contact.mailbox
    elif not row.in_doubt:  # a delivery in doubt is looked up at the vendor all the same
        return NotAttempted.cancelled(CancelCode.INVITATION_OVER, invitation.reason)
    if survey is not None:  # a mail that had to wait leaves as many days to respond
        invitation.expires_at = link_expiry(now, survey.expires_after, ctx.settings.core.zone)
    return None


def cooldown_exempt_triggers(settings: Settings) -> set[str]:
    """Return the labels of the triggers whose surveys ignore cooldowns."""
    exempt: set[str] = set()
    for trigger in settings.triggers:
        if trigger.ignore_cooldown is not None:
            exempt.add(trigger.label)
    if settings.recovery.survey is not None:  # the recovery survey has one trigger per helpdesk
        exempt |= {f"{connection}:{CASE_SOLVED_KIND}:{settings.recovery.survey}" for connection in settings.connections}
    return exempt


def _check_reminder(batch: PreparationBatch, row: DeliveryRow, invitation: InvitationRow) -> NotAttempted | None:
    if invitation.state != "sent" or batch.ctx.clock() >= invitation.expires_at:
        return NotAttempted.cancelled(CancelCode.SURVEY_EXPIRED, "the survey is over")
    if (stopped := survey_pause(batch.session, invitation.survey)) is not None:
        return stopped
    response = batch.load_once(_load_responses).get(invitation.id or 0)
    if is_confirmed(response):
        return NotAttempted.cancelled(CancelCode.ANSWERED)
    reason = confirmation_block_reason(batch.session, row, response) if CONFIRM_OPTION in row.options else None
    return NotAttempted.cancelled(CancelCode.CONFIRMATION_OBSOLETE, reason) if reason is not None else None


def _load_responses(batch: PreparationBatch) -> dict[int, ResponseRow]:
    """Return the responses to the invitations of a batch, by invitation id."""
    ids = [row.invitation_id for row in batch.deliveries]
    query = select(ResponseRow).where(col(ResponseRow.invitation_id).in_(ids))
    return {response.invitation_id: response for response in batch.session.execute(query).scalars()}


def _record_sent(ctx: Context, session: Session, settled: Sequence[SettledDelivery], now: datetime) -> set[str]:
    """Start the cooldowns of sent surveys, and plan the next reminder of each mail."""
    invitations = load_invitations(session, list(map(attrgetter("row"), settled)))
    for delivery in settled:
        invitation = invitations.get(delivery.row.invitation_id or 0)
        if invitation is None:
            continue
        if delivery.row.action == SEND_SURVEY.action:
            invitation.state, invitation.sent_at = "sent", now if delivery.called else delivery.started_at or now
            cooldowns.confirm(session, invitation.id or 0, until=now + ctx.settings.limits.cooldown)
        survey = ctx.settings.surveys.get(invitation.survey)
        if survey is not None and survey.reminder_after is not None:
            plan_reminder(session, survey, invitation, now, now + survey.reminder_after, after=delivery.row)
    return set()


def _release_invitations(
    session: Session, abandoned: Sequence[AbandonedDelivery], settings: Settings, now: datetime
) -> set[str]:
    """Give back the cooldowns of surveys that will not be sent."""
    invitations = load_invitations(session, [delivery.row for delivery in abandoned])
    for delivery in abandoned:
        invitation = invitations.get(delivery.row.invitation_id or 0)
        if invitation is not None and invitation.state == "planned":
            invitation.state, invitation.reason = "cancelled", delivery.reason
            cooldowns.release(session, invitation.id or 0, cooldown=settings.limits.cooldown, now=now)
    return set()


def _reserve_invitation(session: Session, row: DeliveryRow, settings: Settings, now: datetime) -> str | None:
    """Reserve the invitation and the cooldown of a survey again that was abandoned or came back, before a retry."""
    invitation = session.get(InvitationRow, row.invitation_id)
    contact = session.get(ContactRow, row.contact_id) if row.contact_id else None
    if invitation is None or contact is None:
        return "its invitation is gone"
    if invitation.expires_at <= now:
        return "its survey has expired"
    came_back = invitation.state == "sent" and invitation.reason == cooldowns.BOUNCED
    if invitation.state != "cancelled" and not came_back:
        return None
    savepoint = session.begin_nested()
    if not cooldowns.reserve(
        session,
        load_person(session, contact).subjects,
        invitation_id=invitation.id or 0,
        until=now + settings.limits.cooldown,
        now=now,
    ):
        savepoint.rollback()
        return "the person was invited to another survey since"
    savepoint.commit()
    invitation.state, invitation.reason = "planned", None
    return None


def _release_reminders(
    session: Session, abandoned: Sequence[AbandonedDelivery], _settings: Settings, now: datetime
) -> set[str]:
    """Plan reminders again that were replaced by a request to confirm a score which is not sent after all."""
    queue_names: set[str] = set()
    for delivery in abandoned:
        if delivery.cancel_code == CancelCode.CONFIRMATION_OBSOLETE:
            queue_names |= restore_reminder(session, delivery.row, now)
    return queue_names


SEND_SURVEY_HANDLER = ActionHandler(
    build=_build_mail,
    on_success=_record_sent,
    on_failure=record_smtp_refusals,
    release=_release_invitations,
    reserve_again=_reserve_invitation,
)
SEND_REMINDER_HANDLER = replace(SEND_SURVEY_HANDLER, release=_release_reminders, reserve_again=None)
