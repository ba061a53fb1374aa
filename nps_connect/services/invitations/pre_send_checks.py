"""Checks right before a survey mail is sent: expiry, pauses, daily caps and the cooldown."""

from __future__ import annotations

from sqlmodel import Session

from nps_connect.ledger import cooldowns
from nps_connect.ledger.tables import ContactRow, DeliveryRow, InvitationRow
from nps_connect.records.deliveries import CancelCode, cancel_text
from nps_connect.rules.recovery_survey import CASE_SOLVED_KIND
from nps_connect.services.action_spec import NotAttempted
from nps_connect.services.contacts.store import load_contact_subjects
from nps_connect.services.context import Context
from nps_connect.services.deliveries.preparation import survey_pause
from nps_connect.services.invitations.daily_cap import check_daily_cap
from nps_connect.settings.model import Settings


def check_before_send(
    ctx: Context, session: Session, row: DeliveryRow, invitation: InvitationRow, contact: ContactRow
) -> NotAttempted | None:
    """Return why a survey mail is not sent now; None if it may be sent, and then its cooldown is reserved.

    Args:
        ctx: the application context.
        session: the transaction that records the start.
        row: the claimed delivery.
        invitation: the survey invitation.
        contact: the contact after all merges.
    """
    now = ctx.clock()
    if now >= invitation.expires_at:
        return NotAttempted.cancelled(CancelCode.SURVEY_EXPIRED)
    if invitation.state != "planned":  # a delivery in doubt is looked up at the vendor all the same
        return None if row.in_doubt else NotAttempted.cancelled(CancelCode.INVITATION_OVER, invitation.reason)
    not_attempted = survey_pause(session, invitation.survey) or check_daily_cap(ctx, session, row, invitation)
    if not_attempted is not None:
        return not_attempted
    if _reserve_cooldown(ctx, session, invitation, contact):
        invitation.mailbox = contact.mailbox
        return None
    invitation.state, invitation.reason = "cancelled", cancel_text(CancelCode.COOLDOWN)
    cooldowns.release(session, invitation.id or 0, cooldown=ctx.settings.limits.cooldown, now=now)
    return NotAttempted.cancelled(CancelCode.COOLDOWN)


def _reserve_cooldown(ctx: Context, session: Session, invitation: InvitationRow, contact: ContactRow) -> bool:
    """Reserve the cooldown for the contact as it is now: contacts may have been merged since the decision."""
    now, exempt = ctx.clock(), cooldown_exempt_triggers(ctx.settings)
    return cooldowns.reserve(
        session,
        load_contact_subjects(session, contact),
        invitation_id=invitation.id or 0,
        until=now + ctx.settings.limits.cooldown,
        now=now,
        exempt=exempt,
        ignore_cooldown=invitation.trigger in exempt,
    )


def cooldown_exempt_triggers(settings: Settings) -> frozenset[str]:
    """Return the labels of the triggers that ignore the cooldown; the recovery survey has one per helpdesk."""
    labels = {trigger.label for trigger in settings.triggers if trigger.ignore_cooldown is not None}
    if settings.recovery.survey is not None:
        labels |= {f"{connection}:{CASE_SOLVED_KIND}:{settings.recovery.survey}" for connection in settings.connections}
    return frozenset(labels)
