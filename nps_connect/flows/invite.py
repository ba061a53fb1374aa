"""Invite: a yes reserves the cooldown and writes invitation and delivery, all in one transaction."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlmodel import Session, col

from nps_connect.flows.context import Context, delivery_lane
from nps_connect.flows.people import same_person
from nps_connect.ledger import cooldowns
from nps_connect.ledger.subjects import subjects_of
from nps_connect.ledger.tables import ContactRow, DeliveryRow, EventRow, InvitationRow
from nps_connect.rules.deciding import Ruling, blocked
from nps_connect.rules.routing import delivery_key
from nps_connect.rules.timing import day_start
from nps_connect.settings.model import Trigger
from nps_connect.wording.languages import choose

COUNTED = ("planned", "sent", "shadow")
SHADOWED = "mode is shadow: decided and recorded, not sent"


def invite(
    ctx: Context,
    session: Session,
    event: EventRow,
    contact: ContactRow,
    trigger: Trigger,
    ruling: Ruling,
    lanes: set[str],
) -> Ruling:
    """Carry out a yes; the ruling that comes back says no (or deferred) if the cooldown was in the way."""
    now = ctx.clock()
    due = ruling.due_at or now
    survey = ctx.settings.surveys[trigger.survey]
    key = delivery_key(
        action="send_survey", subject=f"{event.connection}:{event.key}", revision=None, route=trigger.label
    )
    invitation = InvitationRow(
        survey=trigger.survey,
        touchpoint=trigger.touchpoint or survey.touchpoint or trigger.survey,
        trigger=trigger.label,
        contact_id=contact.id or 0,
        event_id=event.id,
        language=choose([contact.language], ctx.settings.core.languages),
        state="shadow" if ctx.shadow else "planned",
        reason=SHADOWED if ctx.shadow else None,
        created_at=now,
        due_at=due,
        expires_at=due + survey.expires_after,
    )
    until = _reserve(ctx, session, invitation, contact, due)
    if until is not None:
        return blocked(ctx.settings.limits, until, now)
    lane = delivery_lane(survey.channel, "send_survey")
    session.add(
        DeliveryRow(
            key=key,
            lane=lane,
            connection=survey.channel,
            action="send_survey",
            state="cancelled" if ctx.shadow else "pending",
            last_error=SHADOWED if ctx.shadow else None,
            finished_at=now if ctx.shadow else None,
            due_at=due,
            contact_id=contact.id,
            invitation_id=invitation.id,
            created_at=now,
        )
    )
    session.flush()
    lanes.add(lane)
    return ruling


def _reserve(
    ctx: Context, session: Session, invitation: InvitationRow, contact: ContactRow, due: datetime
) -> datetime | None:
    """Add the invitation and reserve its cooldown; none if it could, else until when it is blocked."""
    now = ctx.clock()
    subjects = sorted(
        {s for contact_id in same_person(session, contact) for s in subjects_of(contact_id, contact.mailbox)}
    )
    cooldown = ctx.settings.limits.cooldown
    if ctx.shadow:
        before = _shadowed_before(session, contact, now - cooldown)
        if before is not None:
            return before + cooldown
        ends = cooldowns.blocked_until(session, subjects, now=now)
        if ends is None:
            session.add(invitation)
            session.flush()
        return ends
    savepoint = session.begin_nested()
    session.add(invitation)
    session.flush()
    reserved = cooldowns.reserve(session, subjects, invitation_id=invitation.id or 0, until=due + cooldown, now=now)
    if reserved:
        savepoint.commit()
        return None
    savepoint.rollback()
    return cooldowns.blocked_until(session, subjects, now=now) or now


def _shadowed_before(session: Session, contact: ContactRow, since: datetime) -> datetime | None:
    return session.execute(
        select(func.max(col(InvitationRow.created_at))).where(
            col(InvitationRow.contact_id) == contact.id,
            col(InvitationRow.state) == "shadow",
            col(InvitationRow.created_at) > since,
        )
    ).scalar()


def last_invited(session: Session, contact: ContactRow) -> datetime | None:
    """When the person was last sent a survey."""
    return session.execute(
        select(func.max(col(InvitationRow.sent_at))).where(
            col(InvitationRow.contact_id).in_(same_person(session, contact))
        )
    ).scalar()


def sent_on_day_of(ctx: Context, session: Session, moment: datetime) -> int:
    """Surveys that are due (or were sent) on the moment's calendar day in the company's zone."""
    zone = ctx.settings.core.zone
    begin = day_start(moment, zone)
    end = day_start(begin + timedelta(hours=36), zone)
    return int(
        session.execute(
            select(func.count())
            .select_from(InvitationRow)
            .where(
                col(InvitationRow.due_at) >= begin,
                col(InvitationRow.due_at) < end,
                col(InvitationRow.state).in_(COUNTED),
            )
        ).scalar_one()
    )
