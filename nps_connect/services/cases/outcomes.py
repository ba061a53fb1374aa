"""Outcomes of cases: each change of a case is written to the contact records that have the score."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.tables import DeliveryRow, ResponseRow
from nps_connect.records.actions import CancelCode
from nps_connect.services.context import Context
from nps_connect.services.deliveries.cancel import cancel_deliveries
from nps_connect.services.deliveries.factory import NewDelivery, enqueue_deliveries

OUTCOME_OPTION = "outcome"
"""Value of the option `case` of a delivery that writes the outcome of a case."""


def record_change(ctx: Context, session: Session, case: CaseRow) -> set[str]:
    """Count a change of a case and enqueue its outcome; return the queues with new work."""
    case.revision += 1
    session.flush()
    return enqueue_outcomes(ctx, session, [case.response_id])


def enqueue_outcomes(
    ctx: Context, session: Session, response_ids: Collection[int], *, delay: timedelta = timedelta(0)
) -> set[str]:
    """Enqueue the outcomes of cases as they are now, in the transaction of the fact.

    They go to the connections that the score of the response has gone to or will go to, and that can write outcomes.
    An earlier outcome of the same case that has not started is cancelled: the newer one says all that it would say.

    Args:
        ctx: the application context.
        session: the transaction.
        response_ids: the responses that opened the cases.
        delay: until they are written.

    Returns:
        The queues with new work.
    """
    spec = ctx.actions["write_case_outcome"]
    targets = [name for name in ctx.connections if ctx.carries_out(name, spec)]
    if ctx.shadow or not ctx.settings.cases.write_outcome or not targets or not response_ids:
        return set()
    is_of_cases = col(DeliveryRow.response_id).in_(response_ids)
    is_outcome = col(DeliveryRow.action) == spec.action
    detail = "a newer state of the case is to be written"
    cancel_deliveries(ctx, session, CancelCode.SUPERSEDED, is_of_cases, is_outcome, detail=detail)
    scored = (
        select(
            col(CaseRow.id),
            col(CaseRow.revision),
            col(CaseRow.contact_id),
            col(CaseRow.response_id),
            col(ResponseRow.public_id),
            col(DeliveryRow.connection),
        )
        .join(ResponseRow, col(ResponseRow.id) == col(CaseRow.response_id))
        .join(DeliveryRow, col(DeliveryRow.response_id) == col(CaseRow.response_id))
        .where(
            is_of_cases,
            col(DeliveryRow.action) == "write_score",
            col(DeliveryRow.connection).in_(targets),
            col(DeliveryRow.state).not_in(("cancelled", "skipped")),
        )
        .distinct()
        .order_by(col(CaseRow.id), col(DeliveryRow.connection))
    )
    now = ctx.clock()
    outcomes = [
        NewDelivery(
            connection=case.connection,
            action=spec.action,
            subject=case.public_id,
            key_revision=case.revision,
            due_at=now + delay,
            contact_id=case.contact_id,
            response_id=case.response_id,
            options={"case": OUTCOME_OPTION},
        )
        for case in session.execute(scored)
    ]
    return enqueue_deliveries(session, outcomes, now, skip_existing=True).queue_names
