"""Cases of detractors: solved and reopened at the helpdesk, recovered by a better score."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.tables import DeliveryRow, ResponseRow
from nps_connect.records.actions import CancelCode
from nps_connect.records.base import FieldValue
from nps_connect.records.events import (
    REOPENED_KIND,
    SOLVED_KINDS,
    TICKET_AGENT_FIELD,
    TICKET_EVENT_KINDS,
    TICKET_OPEN_FIELD,
    Event,
)
from nps_connect.records.responses import segment_of
from nps_connect.sanitization import one_line
from nps_connect.services.cases.outcomes import record_change
from nps_connect.services.cases.own_cases import withdraw_if_untouched
from nps_connect.services.cases.ticket_notes import STAFF_OPTION, is_ticket_reachable
from nps_connect.services.contacts.store import ResponseColumns
from nps_connect.services.context import Context
from nps_connect.services.deliveries.cancel import cancel
from nps_connect.services.deliveries.factory import NewDelivery, enqueue_deliveries
from nps_connect.services.webhooks.enqueue import enqueue_case_webhooks

RECOVERED_OPTION = "recovered"
"""Value of the option `case` of a ticket update that reports a recovered customer."""


class TicketDelivery(NamedTuple):
    """The newest delivery that opens the ticket of a response.

    Attributes:
        state, due_at: of the delivery.
        link: to the ticket; None before it is open, or where the helpdesk gives none.
    """

    state: str
    due_at: datetime
    link: str | None


def load_tickets(session: Session, response_ids: Collection[int | None]) -> dict[int | None, TicketDelivery]:
    """Return the tickets of responses, by response id; responses without one are left out."""
    query = select(
        col(DeliveryRow.response_id), col(DeliveryRow.state), col(DeliveryRow.due_at), col(DeliveryRow.receipt_link)
    ).where(col(DeliveryRow.response_id).in_(response_ids), col(DeliveryRow.action) == "open_ticket")
    rows = session.execute(query.order_by(col(DeliveryRow.id)))
    return {response_id: TicketDelivery(state, due_at, link) for response_id, state, due_at, link in rows}


def record_ticket_update(
    ctx: Context, session: Session, delivery: DeliveryRow, ticket_id: str, now: datetime
) -> set[str]:
    """Record the updated ticket; return the queues with new work.

    A closed ticket has a follow-up ticket. A new detractor score reopens the case.
    """
    response = session.get(ResponseRow, delivery.response_id) if delivery.response_id else None
    origin = delivery.options.get("case")
    case = load_case(session, response) if origin in (None, STAFF_OPTION) else None
    if response is None or case is None or case.connection != delivery.connection:
        return set()
    case.ticket_id = ticket_id
    if (
        origin is None
        and case.state == "solved"
        and response.score is not None
        and segment_of(response.score) == "detractor"
    ):
        queues = record_change(ctx, session, _reopen_case(case, now.replace(microsecond=0), None))
        return queues | enqueue_case_webhooks(ctx, session, "case.opened", [case.response_id])
    return set()


def apply_ticket_event(session: Session, connection: str, event: Event) -> CaseRow | None:
    """Apply a ticket event to its case; return the changed case for `record_change`, None if nothing changed.

    A ticket that is open when it is read does not solve its case, whatever the event says.
    """
    is_stale = event.kind in SOLVED_KINDS and event.fields.get(TICKET_OPEN_FIELD) is True
    if event.kind not in TICKET_EVENT_KINDS or is_stale:
        return None
    case: CaseRow | None = session.execute(
        select(CaseRow)
        .where(col(CaseRow.connection) == connection, col(CaseRow.ticket_id) == event.object_id)
        .order_by(col(CaseRow.id).desc())
        .limit(1)
        .with_for_update()
    ).scalar()
    if case is None or (case.changed_at is not None and event.occurred_at < case.changed_at):
        return None
    if case.state == "solved" and case.solved_by is not None and event.kind in SOLVED_KINDS:
        return None  # the helpdesk repeats what was done here
    if event.kind == REOPENED_KIND:
        return _reopen_case(case, event.occurred_at, _agent_name(event)) if case.state == "solved" else None
    if case.state == "solved" and event.kind == "ticket.closed":
        return None
    return _solve_case(case, event)


def load_case(session: Session, response: ResponseColumns | None) -> CaseRow | None:
    """Load the case of a response for update; None where the response opened none."""
    if response is None:
        return None
    case: CaseRow | None = session.execute(
        select(CaseRow).where(col(CaseRow.response_id) == response.id).with_for_update()
    ).scalar()
    return case


def _solve_case(case: CaseRow, event: Event) -> CaseRow:
    case.state, case.solved_at, case.changed_at = "solved", event.occurred_at, event.occurred_at
    first_reply, solve = (_parse_minutes(event.fields.get(f"{name}_minutes")) for name in ("first_reply", "solve"))
    case.first_reply_minutes = case.first_reply_minutes if first_reply is None else first_reply
    since_opening = max(0, int((event.occurred_at - case.opened_at).total_seconds() // 60))
    case.solve_minutes = since_opening if solve is None else solve
    case.handled_by = _agent_name(event)
    return case


def _reopen_case(case: CaseRow, at: datetime, agent_name: str | None) -> CaseRow:
    case.state, case.solved_at, case.solve_minutes, case.changed_at, case.solved_by = "open", None, None, at, None
    case.reopened += 1
    case.handled_by = agent_name
    return case


def _agent_name(event: Event) -> str | None:
    name = event.fields.get(TICKET_AGENT_FIELD)
    return one_line(name, 200) or None if isinstance(name, str) else None


def _parse_minutes(value: FieldValue) -> int | None:
    is_valid = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**31
    return int(value) if is_valid else None  # type: ignore[arg-type]


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
    if score == case.recovered_score or (score is not None and withdraw_if_untouched(ctx, session, case)):
        return set()
    case.recovered_score, case.recovered_at = score, ctx.clock() if score is not None else None
    queues = record_change(ctx, session, case)
    if score is not None:
        queues |= enqueue_case_webhooks(ctx, session, "case.recovered", [case.response_id])
    if case.follow_up_id == response.invitation_id:
        queues |= _enqueue_ticket_update(ctx, session, case, response)
    return queues


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
    can_update = is_ticket_reachable(ctx, case)
    if case.recovered_score is None or ctx.shadow or ticket_id is None or not can_update:
        return set()
    update = NewDelivery(
        connection=case.connection or "",
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
