"""The plan to try dead and held deliveries again, as `deliveries retry` does."""

from __future__ import annotations

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.audit_log import Actor, record_audit
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.api_results import ApiCaller, ApiProblem, invalid
from nps_connect.records.assistant_requests import MAX_DELIVERIES_PER_PLAN, RetryDeliveriesRequest
from nps_connect.services.api.people import require_connection
from nps_connect.services.assistants.plan_handler import PlanArguments, PlanHandler, PlannedEffect, digest
from nps_connect.services.context import Context
from nps_connect.services.deliveries.operator_actions import (
    RETRYABLE_STATES,
    DeliverySelection,
    load_deliveries_by_id,
    retry_by_operator,
)


def _resolve(ctx: Context, session: Session, _caller: ApiCaller, request: RetryDeliveriesRequest) -> PlanArguments:
    if request.connection is not None:
        require_connection(ctx, request.connection)
    if request.action is not None and request.action not in ctx.actions:
        raise invalid("action", "there is no such action")
    selection = DeliverySelection(
        states=(request.state,) if request.state else RETRYABLE_STATES,
        connection=request.connection,
        action=request.action,
    )
    query = select(col(DeliveryRow.id)).where(*selection.conditions()).order_by(col(DeliveryRow.id))
    if request.deliveries:
        query = query.where(col(DeliveryRow.id).in_(request.deliveries))
    ids = list(session.execute(query.limit(MAX_DELIVERIES_PER_PLAN)).scalars())
    if not ids:
        raise ApiProblem(404, "no-deliveries", "no dead or held delivery matches")
    return {"deliveries": ids}


def _foresee(ctx: Context, session: Session, arguments: PlanArguments) -> PlannedEffect:
    """Try the change in a transaction that is rolled back, as the dry run of the command does."""
    rows = load_deliveries_by_id(session, arguments["deliveries"])
    states = {row.id: row.state for row in rows}
    changed = [row for row in rows if _retry(ctx, session, row)]
    contacts = {row.contact_id for row in changed if ctx.actions[row.action].customer_facing and row.contact_id}
    what = [(row.id, states[row.id], row.action, row.connection, row.contact_id) for row in changed]
    session.rollback()
    return PlannedEffect(tuple(sorted(contacts)), len(what), digest(what))


def _retry(ctx: Context, session: Session, row: DeliveryRow) -> bool:
    result = retry_by_operator(session, row, actions=ctx.actions, settings=ctx.settings, now=ctx.clock())
    return result.refused is None


def _execute(ctx: Context, arguments: PlanArguments, actor: Actor) -> str:
    with ctx.ledger.write() as session:
        rows = [row for row in load_deliveries_by_id(session, arguments["deliveries"]) if _retry(ctx, session, row)]
        ids = [row.id for row in rows]
        queues = {row.queue_name for row in rows}
        target = f"{len(ids)} deliveries: {', '.join(map(str, ids))}"
        record_audit(session, actor, "deliveries retry", target, now=ctx.clock())
    for queue_name in queues:
        ctx.wake(queue_name)
    return f"{len(ids)} deliveries due now"


RETRY_DELIVERIES = PlanHandler(_resolve, _foresee, _execute)
