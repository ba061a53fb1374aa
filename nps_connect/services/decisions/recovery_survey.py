"""Follow a solved case up with a recovery survey, and cancel it when the ticket is reopened."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.tables import ContactRow, DecisionRow, DeliveryRow, InvitationRow, ResponseRow
from nps_connect.records.actions import CancelCode
from nps_connect.records.events import Event
from nps_connect.rules.recovery_survey import CASE_SOLVED_KIND, SolvedCase, decide_recovery_survey
from nps_connect.services.cases.cases import apply_ticket_event
from nps_connect.services.cases.outcomes import record_change
from nps_connect.services.contacts.contact_batch import StoredContact, load_people
from nps_connect.services.contacts.store import build_contact, surviving_contact
from nps_connect.services.context import Context
from nps_connect.services.decisions.trigger_evaluator import StoredEvent, decision_columns, veto_reason
from nps_connect.services.deliveries.cancel import cancel
from nps_connect.services.invitations.invite import ApprovedSurvey, create_invitations
from nps_connect.services.reviews.actions import release_waiting_mail
from nps_connect.services.webhooks.enqueue import enqueue_case_webhooks, enqueue_decision_webhooks
from nps_connect.settings.model import Trigger

COOLDOWN_EXEMPTION = "recovery survey of a solved case"
"""Reason of the trigger to ignore the cooldown, as `explain` shows it."""

UNSENT_STATES = ("pending", "held")


def process_ticket_event(ctx: Context, session: Session, row: StoredEvent) -> set[str]:
    """Apply a ticket event to its case, with everything that follows; return the queues with new work."""
    case = apply_ticket_event(session, row.connection, row.event)
    if case is None:
        return set()
    queues = record_change(ctx, session, case)
    if case.state == "open":
        cancel_recovery_survey(ctx, session, case)
        return queues | enqueue_case_webhooks(ctx, session, "case.opened", [case.response_id])
    return queues | follow_solved_case(ctx, session, case, lambda: row)


def follow_solved_case(
    ctx: Context, session: Session, case: CaseRow, solved_event: Callable[[], StoredEvent | None]
) -> set[str]:
    """Carry out what follows from a solved case; return the queues with new work.

    Args:
        ctx: the application context.
        session: the transaction.
        case: the case.
        solved_event: returns the stored event that solved it, to which the decision on the recovery survey belongs.
    """
    queues = enqueue_case_webhooks(ctx, session, "case.solved", [case.response_id])
    queues |= release_waiting_mail(session, case.contact_id, ctx.clock())
    row = solved_event() if ctx.settings.recovery.survey is not None else None
    return queues | _decide_recovery_survey(ctx, session, row, case) if row is not None else queues


def _decide_recovery_survey(ctx: Context, session: Session, row: StoredEvent, case: CaseRow) -> set[str]:
    recovery, now = ctx.settings.recovery, ctx.clock()
    trigger = Trigger(
        on=CASE_SOLVED_KIND,
        source=row.connection,
        survey=recovery.survey or "",
        delay=recovery.delay,
        ignore_cooldown=COOLDOWN_EXEMPTION,
    )
    contact_row, response = session.get(ContactRow, case.contact_id), session.get(ResponseRow, case.response_id)
    if contact_row is None or response is None or _find_id(session, DecisionRow, row, trigger) is not None:
        return set()
    contact_row = surviving_contact(session, contact_row)
    stored = StoredContact(contact_row.id or 0, contact_row.mailbox, contact_row.language)
    people = load_people(session, {stored.id: stored.mailbox}, ctx.erasure_keys, with_history=True)
    person = people[stored.id]
    contact = build_contact(contact_row)
    solved_event = Event(
        key=f"{CASE_SOLVED_KIND}:{response.public_id}:{row.event.key}"[:400],
        kind=CASE_SOLVED_KIND,
        object_id=str(case.id),
        occurred_at=row.event.occurred_at,
        contacts=(contact,),
        fields={"score": response.score, "survey": response.survey, "touchpoint": response.touchpoint},
    )
    earlier = session.get(InvitationRow, case.follow_up_id) if case.follow_up_id is not None else None
    followed = select(col(CaseRow.id)).where(col(CaseRow.follow_up_id) == response.invitation_id)
    solved = SolvedCase(
        event=solved_event,
        now=now,
        max_event_age=ctx.settings.limits.max_event_age,
        contact=contact,
        suppression_reason=person.suppression_reason,
        veto_reason=veto_reason(ctx, solved_event, contact, trigger),
        surveyed_before=earlier is not None and earlier.state != "cancelled",
        is_recovery_response=session.execute(followed).first() is not None,
        do_not_contact=response.do_not_contact,
        is_recovered=case.recovered_score is not None,
    )
    decision = decide_recovery_survey(solved, delay=recovery.delay)
    queues: set[str] = set()
    if decision.verdict == "yes":
        due_at = decision.due_at or now
        survey = ApprovedSurvey(row.id, row.ref, row.event.occurred_at, stored, person, trigger, due_at)
        queues = create_invitations(ctx, session, [survey])
        case.follow_up_id = _find_id(session, InvitationRow, row, trigger)
    columns = decision_columns(row, trigger, decision, stored.id, now)
    session.add(DecisionRow(**columns))
    session.flush()
    if "decision.made" in ctx.webhook_subscribers.by_type:
        queues |= enqueue_decision_webhooks(ctx, session, [(row._replace(event=solved_event), columns)])
    return queues


def _find_id(
    session: Session, table: type[DecisionRow | InvitationRow], row: StoredEvent, trigger: Trigger
) -> int | None:
    """Return the id of the decision, or of the invitation, that a trigger made for an event."""
    query = select(col(table.id)).where(col(table.event_id) == row.id, col(table.trigger) == trigger.label)
    return session.execute(query).scalar()


def cancel_recovery_survey(ctx: Context, session: Session, case: CaseRow) -> None:
    """Cancel the recovery survey of a reopened case unless it was sent or is in doubt."""
    if case.follow_up_id is None:
        return
    unsent = select(DeliveryRow).where(
        col(DeliveryRow.invitation_id) == case.follow_up_id,
        col(DeliveryRow.action) == "send_survey",
        col(DeliveryRow.state).in_(UNSENT_STATES),
        col(DeliveryRow.in_doubt).is_(False),
    )
    for delivery in session.execute(unsent.with_for_update()).scalars():
        cancel(ctx, session, delivery, CancelCode.CASE_REOPENED)
