"""Holding: surveys that are paused, and triggers that are held until an operator says yes or no."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, CursorResult, and_, func, or_, select, update
from sqlmodel import Session, col

from nps_connect.ledger import pauses
from nps_connect.ledger.tables import DecisionRow, DeliveryRow, EventRow, InvitationRow, ResponseRow
from nps_connect.records.deliveries import HoldCode
from nps_connect.services.deliveries.cancel import MAIL_ACTIONS

REJECTED_DETAIL = "an operator refused it: the trigger was about to reach unusually many people"


def pause_survey(session: Session, survey: str, *, reason: str, now: datetime) -> bool:
    """Hold all mail of a survey, with its reminders and what follows its answers; false if it was paused already.

    What is planned from now on is held when it is due.
    """
    scope = pauses.survey_scope(survey)
    changed = pauses.pause(session, scope, cause="operator", reason=reason, now=now)
    _update_deliveries(session, survey, "pending", state="held", hold_code=HoldCode.SURVEY_PAUSED, hold_detail=survey)
    return changed


def resume_survey(session: Session, survey: str) -> bool:
    """Let the mail of a survey go on; false if it was not paused."""
    scope = pauses.survey_scope(survey)
    changed = pauses.resume(session, scope)
    _update_deliveries(
        session, survey, "held", only=HoldCode.SURVEY_PAUSED, state="pending", hold_code=None, hold_detail=None
    )
    return changed


def _update_deliveries(
    session: Session, survey: str, current: str, *, only: HoldCode | None = None, **values: object
) -> None:
    statement = update(DeliveryRow).where(survey_mail_condition(survey), col(DeliveryRow.state) == current)
    if only is not None:
        statement = statement.where(col(DeliveryRow.hold_code) == only)
    session.execute(statement.values(**values).execution_options(synchronize_session=False))


def survey_mail_condition(survey: str) -> ColumnElement[bool]:
    """The condition on deliveries that are mail of a survey: it, its reminders, and review mails after its answers."""
    invitations = select(col(InvitationRow.id)).where(col(InvitationRow.survey) == survey)
    responses = select(col(ResponseRow.id)).where(col(ResponseRow.survey) == survey)
    return and_(
        col(DeliveryRow.action).in_(MAIL_ACTIONS),
        or_(col(DeliveryRow.invitation_id).in_(invitations), col(DeliveryRow.response_id).in_(responses)),
    )


def count_held(session: Session) -> dict[str, int]:
    """How many decisions each trigger has that wait for an operator."""
    query = select(col(DecisionRow.trigger), func.count()).where(col(DecisionRow.verdict) == "held")
    return {name: int(number) for name, number in session.execute(query.group_by(col(DecisionRow.trigger))).all()}


def release_held(session: Session, trigger: str, now: datetime) -> int:
    """Decide the held events of a trigger again, without holding them; returns how many. Wake their queues after it."""
    ids = list(
        session.execute(
            update(DecisionRow)
            .where(col(DecisionRow.trigger) == trigger, col(DecisionRow.verdict) == "held")
            .values(verdict="released")
            .returning(col(DecisionRow.event_id))
            .execution_options(synchronize_session=False)
        ).scalars()
    )
    again = select(col(DecisionRow.event_id)).where(
        col(DecisionRow.trigger) == trigger, col(DecisionRow.verdict) == "released"
    )
    session.execute(
        update(EventRow)
        .where(col(EventRow.id).in_(again), col(EventRow.state) == "succeeded")
        .values(state="pending", due_at=now)
        .execution_options(synchronize_session=False)
    )
    return len(ids)


def reject_held(session: Session, trigger: str) -> int:
    """Say no to the held events of a trigger; returns how many."""
    result = session.execute(
        update(DecisionRow)
        .where(col(DecisionRow.trigger) == trigger, col(DecisionRow.verdict) == "held")
        .values(verdict="no", reason="refused", detail=REJECTED_DETAIL)
        .execution_options(synchronize_session=False)
    )
    return result.rowcount if isinstance(result, CursorResult) else 0
