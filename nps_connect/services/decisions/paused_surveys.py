"""Pause and resume the mail of one survey."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlmodel import Session, col

from nps_connect.ledger import pauses
from nps_connect.ledger.tables import DeliveryRow, InvitationRow, ResponseRow
from nps_connect.records.actions import HoldCode
from nps_connect.services.invitations.action_specs import ACTIONS as INVITATION_ACTIONS
from nps_connect.services.reviews.action_specs import ACTIONS as REVIEW_ACTIONS


def pause_survey(session: Session, survey: str, *, reason: str, now: datetime) -> bool:
    """Hold all mail of a survey, including reminders and review invitations; return False if it was paused already.

    Mail that is planned later is held when it is due.
    """
    has_changed = pauses.pause(session, pauses.survey_scope(survey), cause="operator", reason=reason, now=now)
    pending = survey_mail_condition(survey) & (col(DeliveryRow.state) == "pending")
    _update_deliveries(session, pending, state="held", hold_code=HoldCode.SURVEY_PAUSED, hold_detail=survey)
    return has_changed


def resume_survey(session: Session, survey: str) -> bool:
    """Release the mail of a survey; return False if it was not paused."""
    has_changed = pauses.resume(session, pauses.survey_scope(survey))
    is_paused = (col(DeliveryRow.state) == "held") & (col(DeliveryRow.hold_code) == HoldCode.SURVEY_PAUSED)
    held = survey_mail_condition(survey) & is_paused
    _update_deliveries(session, held, state="pending", hold_code=None, hold_detail=None)
    return has_changed


def survey_mail_condition(survey: str) -> ColumnElement[bool]:
    """Condition on deliveries: mail of a survey, its reminders, and review invitations after its responses."""
    invitations = select(col(InvitationRow.id)).where(col(InvitationRow.survey) == survey)
    responses = select(col(ResponseRow.id)).where(col(ResponseRow.survey) == survey)
    return and_(
        col(DeliveryRow.action).in_([spec.action for spec in (*INVITATION_ACTIONS, *REVIEW_ACTIONS)]),
        or_(col(DeliveryRow.invitation_id).in_(invitations), col(DeliveryRow.response_id).in_(responses)),
    )


def _update_deliveries(session: Session, condition: ColumnElement[bool], **values: object) -> None:
    session.execute(update(DeliveryRow).where(condition).values(**values).execution_options(synchronize_session=False))
