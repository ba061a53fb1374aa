"""Cases that staff solve and reopen here, with all that follows: outcomes, webhooks, review mails, recovery survey."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from nps_connect.ledger.audit_log import Actor
from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.columns import decide_queue
from nps_connect.ledger.tables import ContactRow, EventRow, ResponseRow
from nps_connect.records.actions import Remedy
from nps_connect.records.events import Event, fact_key
from nps_connect.rules.recovery_survey import CASE_SOLVED_KIND
from nps_connect.services.cases.case_work import CaseEntry, CaseUnchanged, record_entry
from nps_connect.services.cases.outcomes import record_change
from nps_connect.services.context import Context
from nps_connect.services.decisions.recovery_survey import cancel_recovery_survey, follow_solved_case
from nps_connect.services.decisions.trigger_evaluator import StoredEvent
from nps_connect.services.webhooks.enqueue import enqueue_case_webhooks


def solve_case(
    ctx: Context,
    session: Session,
    case: CaseRow,
    actor: Actor,
    *,
    remedies: tuple[Remedy, ...] = (),
    text: str | None = None,
) -> set[str]:
    """Solve a case; return the queues with new work.

    Args:
        ctx: the application context.
        session: the transaction.
        case: locked.
        actor: who solves it.
        remedies: what was done for the customer.
        text: a note about it.

    Raises:
        CaseUnchanged: it is solved already.
    """
    if case.state != "open":
        raise CaseUnchanged("the case is solved already")
    now = ctx.clock()
    case.state, case.solved_at, case.changed_at, case.solved_by = "solved", now, now, actor.name[:100]
    case.solve_minutes = max(0, int((now - case.opened_at).total_seconds() // 60))
    case.remedies, case.next_contact_at = list(remedies) or None, None
    queues = record_change(ctx, session, case)
    queues |= record_entry(ctx, session, case, actor, CaseEntry(kind="solved", text=text, remedies=remedies))
    return queues | follow_solved_case(ctx, session, case, lambda: _store_event(session, case, now))


def reopen_case(ctx: Context, session: Session, case: CaseRow, actor: Actor, *, text: str | None = None) -> set[str]:
    """Reopen a solved case; return the queues with new work. The recovery survey is cancelled unless it was sent.

    Raises:
        CaseUnchanged: it is open.
    """
    if case.state != "solved":
        raise CaseUnchanged("the case is open already")
    now = ctx.clock()
    case.state, case.solved_at, case.solve_minutes, case.solved_by = "open", None, None, None
    case.changed_at, case.overdue_notified_at, case.escalated_at = now, None, None
    case.reopened += 1
    queues = record_change(ctx, session, case)
    queues |= record_entry(ctx, session, case, actor, CaseEntry(kind="reopened", text=text))
    cancel_recovery_survey(ctx, session, case)
    return queues | enqueue_case_webhooks(ctx, session, "case.opened", [case.response_id])


def _store_event(session: Session, case: CaseRow, now: datetime) -> StoredEvent | None:
    """Store the fact that a case was solved here, to which the decision on the recovery survey belongs."""
    response, contact = session.get(ResponseRow, case.response_id), session.get(ContactRow, case.contact_id)
    if response is None or contact is None:
        return None
    connection = case.connection or contact.connection
    event = Event(
        key=fact_key(CASE_SOLVED_KIND, response.public_id, now),
        kind=CASE_SOLVED_KIND,
        object_id=response.public_id,
        occurred_at=now,
    )
    row = EventRow(
        queue_name=decide_queue(connection),
        state="succeeded",
        due_at=now,
        connection=connection,
        key=event.key,
        kind=event.kind,
        object_id=event.object_id,
        occurred_at=now,
        received_at=now,
        source="staff",
        contact_id=contact.id,
        record=event.model_dump(mode="json"),
    )
    session.add(row)
    session.flush()
    return StoredEvent(row.id or 0, connection, now, 0, event)
