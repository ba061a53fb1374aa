"""Recovery of a case: a better score is recorded on the case and reported on its ticket."""

from __future__ import annotations

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.deliveries import CancelCode
from nps_connect.records.responses import segment_of
from nps_connect.services.cases.cases import load_case
from nps_connect.services.contacts.store import ResponseColumns
from nps_connect.services.context import Context
from nps_connect.services.deliveries.cancel import cancel
from nps_connect.services.deliveries.factory import NewDelivery, enqueue_deliveries

RECOVERED_OPTION = "recovered"
"""Value of the option `case` of a ticket update that reports a recovered customer."""


def record_recovery(ctx: Context, session: Session, response: ResponseColumns) -> set[str]:
    """Record on the case what its customer's newest response says; return the queues with new work.

    The ticket is updated only when the response answers the recovery survey: a changed first response has its own
    update.
    """
    case = session.execute(
        select(CaseRow).where(col(CaseRow.follow_up_id) == response.invitation_id).with_for_update()
    ).scalar() or load_case(session, response)
    if case is None or response.score is None:
        return set()
    score = response.score if segment_of(response.score) != "detractor" else None
    if score == case.recovered_score:
        return set()
    case.recovered_score, case.recovered_at = score, ctx.clock() if score is not None else None
    session.flush()
    return (
        _enqueue_ticket_update(ctx, session, case, response) if case.follow_up_id == response.invitation_id else set()
    )


def _enqueue_ticket_update(ctx: Context, session: Session, case: CaseRow, response: ResponseColumns) -> set[str]:
    """Replace the update that has not been sent yet, if any; return the queues with new work."""
    _cancel_unsent_updates(ctx, session, response)
    ticket_id = session.execute(
        select(col(DeliveryRow.id)).where(
            col(DeliveryRow.response_id) == case.response_id,
            col(DeliveryRow.connection) == case.connection,
            col(DeliveryRow.action) == "open_ticket",
        )
    ).scalar()
    if case.recovered_score is None or ctx.shadow or ticket_id is None or not _can_update_tickets(ctx, case.connection):
        return set()
    update = NewDelivery(
        connection=case.connection,
        action="update_ticket",
        subject=response.public_id,
        route=f"{case.connection}:{RECOVERED_OPTION}",
        key_revision=response.revision,
        due_at=ctx.clock(),
        contact_id=case.contact_id,
        response_id=response.id,
        revision=response.revision,
        options={"case": RECOVERED_OPTION},
        depends_on_id=ticket_id,
    )
    return enqueue_deliveries(session, [update], ctx.clock(), skip_existing=True).queue_names


def _cancel_unsent_updates(ctx: Context, session: Session, response: ResponseColumns) -> None:
    unsent = select(DeliveryRow).where(
        col(DeliveryRow.response_id) == response.id,
        col(DeliveryRow.action) == "update_ticket",
        col(DeliveryRow.state).in_(("pending", "held")),
        col(DeliveryRow.first_started_at).is_(None),
    )
    for delivery in session.execute(unsent.with_for_update()).scalars():
        if delivery.options.get("case") == RECOVERED_OPTION:
            cancel(ctx, session, delivery, CancelCode.RESPONSE_CHANGED)


def _can_update_tickets(ctx: Context, connection: str) -> bool:
    return connection in ctx.connections and ctx.connector_info(connection).action("update_ticket") is not None
