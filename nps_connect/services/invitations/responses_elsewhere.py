"""What a response that was taken elsewhere means for survey mail that waits for the person."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, select
from sqlmodel import Session, col

from nps_connect.ledger.tables import DeliveryRow, InvitationRow, ResponseRow
from nps_connect.records.actions import CancelCode
from nps_connect.records.responses import collection_phrase
from nps_connect.services.context import Context
from nps_connect.services.deliveries.cancel import cancel_deliveries
from nps_connect.services.invitations.action_specs import SEND_REMINDER, SEND_SURVEY
from nps_connect.services.invitations.actions import cooldown_exempt_triggers


def cancel_after_response(ctx: Context, session: Session, response: ResponseRow, contact_ids: Collection[int]) -> None:
    """Cancel the mail that waits for a person who has just responded elsewhere.

    The reminders of the survey, and the surveys that the response's cooldown blocks: not those of triggers that ignore
    cooldowns.

    Args:
        ctx: the application.
        session: the transaction.
        response: confirmed; taken by phone, on paper or at a kiosk.
        contact_ids: the contacts of the person.
    """
    now, answered_at = ctx.clock(), response.answered_at or ctx.clock()
    how = collection_phrase(response.collected_by)
    theirs = select(col(InvitationRow.id)).where(
        col(InvitationRow.contact_id).in_(contact_ids), col(InvitationRow.expires_at) > now
    )
    is_same_survey = col(InvitationRow.survey) == response.survey

    def cancel(action: str, code: CancelCode, detail: str, *conditions: ColumnElement[bool]) -> None:
        waiting = col(DeliveryRow.invitation_id).in_(theirs.where(*conditions)), col(DeliveryRow.action) == action
        cancel_deliveries(ctx, session, code, *waiting, detail=detail)

    answered = f"answered meanwhile {how}"
    cancel(SEND_REMINDER.action, CancelCode.ANSWERED, answered, is_same_survey)
    if answered_at + ctx.settings.limits.cooldown <= now:
        return
    is_blocked = (
        col(InvitationRow.state) == "planned",
        col(InvitationRow.trigger).not_in(cooldown_exempt_triggers(ctx.settings)),
    )
    was_planned = col(InvitationRow.created_at) <= answered_at
    cancel(SEND_SURVEY.action, CancelCode.ANSWERED, answered, *is_blocked, is_same_survey, was_planned)
    detail = f"surveyed within the cooldown: answered {response.survey} {how}"
    cancel(SEND_SURVEY.action, CancelCode.COOLDOWN, detail, *is_blocked)
