"""Closing the loop: a solved case is followed up by one more survey, and a better score is told to its ticket."""

from __future__ import annotations

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.tables import ContactRow, DecisionRow, DeliveryRow, InvitationRow, ResponseRow
from nps_connect.records.deliveries import CancelCode
from nps_connect.records.events import Event
from nps_connect.rules.recovery_survey import CASE_SOLVED_KIND, SolvedCase, decide_recovery_survey
from nps_connect.rules.trigger_decision import TriggerDecision
from nps_connect.services.cases.cases import apply_ticket_event
from nps_connect.services.contacts.contact_batch import StoredContact, load_people
from nps_connect.services.contacts.store import build_contact, surviving_contact
from nps_connect.services.context import Context
from nps_connect.services.decisions.claim_events import ClaimedEvent
from nps_connect.services.decisions.plugin_proposals import veto_reason
from nps_connect.services.deliveries.cancel import cancel
from nps_connect.services.invitations.invite import ApprovedSurvey, create_invitations
from nps_connect.services.reviews.ticket_wait import release_waiting_mail
from nps_connect.settings.model import Trigger

COOLDOWN_EXEMPTION = "the follow-up of a solved case"
"""Why it may be sent within the cooldown."""

UNSENT_STATES = ("pending", "held")


def process_ticket_event(ctx: Context, session: Session, row: ClaimedEvent, event: Event) -> set[str]:
    """Apply what a helpdesk tells of a case's ticket, with all that follows; returns the queues with new work."""
    case = apply_ticket_event(session, row.connection, event)
    if case is None:
        return set()
    session.flush()
    if case.state == "open":
        return _cancel_recovery_survey(ctx, session, case)
    queues = release_waiting_mail(session, case.contact_id, ctx.clock())
    if ctx.settings.recovery.survey is not None:
        queues |= _decide_recovery_survey(ctx, session, row, event, case)
    return queues


def _decide_recovery_survey(ctx: Context, session: Session, row: ClaimedEvent, event: Event, case: CaseRow) -> set[str]:
    survey = ctx.settings.recovery.survey or ""
    trigger = Trigger.model_validate(
        {
            "on": CASE_SOLVED_KIND,
            "from": case.connection,
            "survey": survey,
            "delay": ctx.settings.recovery.delay,
            "ignore_cooldown": COOLDOWN_EXEMPTION,
        }
    )
    decided = select(col(DecisionRow.id)).where(
        col(DecisionRow.event_id) == row.id, col(DecisionRow.trigger) == trigger.label
    )
    contact, response = session.get(ContactRow, case.contact_id), session.get(ResponseRow, case.response_id)
    if contact is None or response is None or session.execute(decided).scalar() is not None:
        return set()
    contact = surviving_contact(session, contact)
    known = StoredContact(contact.id or 0, contact.mailbox, contact.language)
    person = load_people(session, {known.id: known.mailbox})[known.id]
    fact = Event(
        key=f"{CASE_SOLVED_KIND}:{case.id}:{event.key}"[:400],
        kind=CASE_SOLVED_KIND,
        object_id=str(case.id),
        occurred_at=event.occurred_at,
        contacts=(build_contact(contact),),
        fields={"score": response.score, "survey": response.survey, "touchpoint": response.touchpoint},
    )
    ruling = decide_recovery_survey(
        SolvedCase(
            event=fact,
            now=ctx.clock(),
            max_event_age=ctx.settings.limits.max_event_age,
            contact=build_contact(contact),
            suppressed=person.suppressed,
            vetoed=veto_reason(ctx, fact, build_contact(contact), trigger),
            asked_before=_was_surveyed_before(session, case),
            is_follow_up=_is_recovery_response(session, response),
            do_not_contact=response.do_not_contact,
            recovered=case.recovered_score is not None,
        ),
        delay=ctx.settings.recovery.delay,
    )
    queues: set[str] = set()
    if ruling.verdict == "yes":
        due_at = ruling.due_at or ctx.clock()
        queues = create_invitations(ctx, session, [ApprovedSurvey(row.id, row.ref, known, person, trigger, due_at)])
        case.follow_up_id = session.execute(
            select(col(InvitationRow.id)).where(
                col(InvitationRow.event_id) == row.id, col(InvitationRow.trigger) == trigger.label
            )
        ).scalar()
    _record_decision(ctx, session, row, trigger, contact, ruling)
    return queues


def _was_surveyed_before(session: Session, case: CaseRow) -> bool:
    invitation = session.get(InvitationRow, case.follow_up_id) if case.follow_up_id is not None else None
    return invitation is not None and invitation.state != "cancelled"


def _is_recovery_response(session: Session, response: ResponseRow) -> bool:
    query = select(col(CaseRow.id)).where(col(CaseRow.follow_up_id) == response.invitation_id)
    return session.execute(query).first() is not None


def _record_decision(
    ctx: Context, session: Session, row: ClaimedEvent, trigger: Trigger, contact: ContactRow, ruling: TriggerDecision
) -> None:
    session.add(
        DecisionRow(
            event_id=row.id,
            trigger=trigger.label,
            survey=trigger.survey,
            contact_id=contact.id,
            verdict=ruling.verdict,
            reason=ruling.reason,
            detail=ruling.detail,
            decided_at=ctx.clock(),
            eligible_at=ruling.eligible_at,
        )
    )
    session.flush()


def _cancel_recovery_survey(ctx: Context, session: Session, case: CaseRow) -> set[str]:
    """The ticket is open again: a follow-up that has not gone out does not."""
    if case.follow_up_id is None:
        return set()
    unsent = select(DeliveryRow).where(
        col(DeliveryRow.invitation_id) == case.follow_up_id,
        col(DeliveryRow.action) == "send_survey",
        col(DeliveryRow.state).in_(UNSENT_STATES),
        col(DeliveryRow.in_doubt).is_(False),
    )
    for delivery in session.execute(unsent.with_for_update()).scalars():
        cancel(ctx, session, delivery, CancelCode.CASE_REOPENED)
    return set()
