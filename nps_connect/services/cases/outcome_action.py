"""The action `write_case_outcome`: write onto the contact's record what has become of a detractor."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlmodel import col

from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.actions import CaseState
from nps_connect.records.deliveries import CaseOutcome
from nps_connect.services.action_spec import ActionHandler, NotAttempted, PreparationBatch
from nps_connect.services.cases.cases import TicketDelivery, load_tickets
from nps_connect.services.deliveries.preparation import contact_response


def _load_cases(batch: PreparationBatch) -> dict[int | None, CaseRow]:
    """Return the cases by response id."""
    query = select(CaseRow).where(col(CaseRow.response_id).in_([row.response_id for row in batch.deliveries]))
    return {case.response_id: case for case in batch.session.execute(query).scalars()}


def _load_tickets(batch: PreparationBatch) -> dict[int | None, TicketDelivery]:
    """Return the tickets of the cases, by response id."""
    return load_tickets(batch.session, [row.response_id for row in batch.deliveries])


def _build_outcome(batch: PreparationBatch, row: DeliveryRow) -> CaseOutcome | NotAttempted:
    """Build the outcome as it is now, whichever change has led to the delivery."""
    case = batch.load_once(_load_cases).get(row.response_id)
    if case is None:
        return NotAttempted.skipped("the case is no longer stored")
    answered = contact_response(batch, row)
    ticket = batch.load_once(_load_tickets).get(row.response_id)
    state, changed_at = case_state(case)
    return CaseOutcome(
        contact=batch.looked_up.get(row.id or 0, answered.contact),
        response=answered.response,
        history=answered.history,
        idempotency_key=row.key,
        state=state,
        opened_at=case.opened_at,
        changed_at=changed_at,
        revision=case.revision,
        handled_by=case.handled_by,
        deadline=case.deadline,
        recovered_score=case.recovered_score,
        ticket_link=ticket.link if ticket is not None else None,
    )


def case_state(case: CaseRow) -> tuple[CaseState, datetime]:
    """Return the state of a case, and since when it is in it.

    A customer who gave a better score is recovered, whether or not the ticket is still open.
    """
    if case.recovered_at is not None:
        return "recovered", case.recovered_at
    if case.state == "solved":
        return "solved", case.solved_at or case.opened_at
    return "open", case.changed_at or case.opened_at


WRITE_CASE_OUTCOME_HANDLER = ActionHandler(build=_build_outcome)
