"""Surveying: everything is read again right before a survey mail goes out."""

from __future__ import annotations

from sqlmodel import Session

from nps_connect.flows.contacts.people import subjects_now
from nps_connect.flows.context import Context
from nps_connect.flows.delivering.endings import Ending
from nps_connect.flows.inviting.rationing import postponed
from nps_connect.flows.routing.recovery import KIND
from nps_connect.ledger import cooldowns, pauses
from nps_connect.ledger.tables import ContactRow, DeliveryRow, InvitationRow
from nps_connect.settings.model import Settings

BLOCKED = "surveyed within the cooldown: since the decision the address was changed or contacts were merged"


def hindrance(
    ctx: Context, session: Session, row: DeliveryRow, invitation: InvitationRow, contact: ContactRow
) -> Ending | None:
    """Why a survey mail does not go out now; none if it may go, and then its cooldown is reserved anew.

    Args:
        ctx: the joined parts.
        session: the transaction in which the start is noted.
        row: the claimed delivery.
        invitation: what it sends.
        contact: the person as they are now, after all merges.
    """
    now = ctx.clock()
    if now >= invitation.expires_at:
        return Ending("cancelled", "the survey had expired before it could be sent")
    if invitation.state != "planned":  # what may have been sent is looked for all the same
        return None if row.doubtful else Ending("cancelled", invitation.reason or "its invitation is over")
    stopped = paused(session, invitation.survey) or postponed(ctx, session, row, invitation)
    if stopped is not None:
        return stopped
    if _reserved(ctx, session, invitation, contact):
        invitation.mailbox = contact.mailbox
        return None
    invitation.state, invitation.reason = "cancelled", BLOCKED
    cooldowns.free(session, invitation.id or 0, cooldown=ctx.settings.limits.cooldown, now=now)
    return Ending("cancelled", BLOCKED)


def paused(session: Session, survey: str) -> Ending | None:
    """Holds mail of a survey that an operator has paused, until it is resumed."""
    scope = pauses.of_survey(survey)
    return Ending("held", scope) if pauses.is_stopped(session, scope) else None


def _reserved(ctx: Context, session: Session, invitation: InvitationRow, contact: ContactRow) -> bool:
    """Take the cooldown of the person as they are now: whom a decision was about may have become somebody else."""
    now, exempt = ctx.clock(), exempt_triggers(ctx.settings)
    return cooldowns.reserve(
        session,
        subjects_now(session, contact),
        invitation_id=invitation.id or 0,
        until=now + ctx.settings.limits.cooldown,
        now=now,
        exempt=exempt,
        ignoring=invitation.trigger in exempt,
    )


def exempt_triggers(settings: Settings) -> frozenset[str]:
    """Names of the triggers that may ignore the cooldown; the follow-up of a solved case is one per helpdesk."""
    named = {trigger.label for trigger in settings.triggers if trigger.ignore_cooldown is not None}
    if settings.recovery.survey is not None:
        named |= {f"{connection}:{KIND}:{settings.recovery.survey}" for connection in settings.connections}
    return frozenset(named)
