"""The actions `open_ticket`, `update_ticket` and `send_alert`: what staff receive about a detractor."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlmodel import Session, col

from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.deliveries import Alert, CancelCode, HoldCode, Priority, Receipt, TicketDraft, TicketUpdate
from nps_connect.rendering import staff_texts
from nps_connect.rules import tickets
from nps_connect.rules.retry_plan import parse_retry_plan
from nps_connect.services.action_spec import (
    CONTACT_ERASED,
    AbandonedDelivery,
    ActionSpec,
    NotAttempted,
    PreparationBatch,
    Prepared,
    SettledDelivery,
)
from nps_connect.services.cases.cases import RECOVERED_OPTION, open_case, record_ticket_update
from nps_connect.services.cases.overdue import is_overdue_alert, render_overdue_alert
from nps_connect.services.context import Context
from nps_connect.services.deliveries.cancel import cancel_dependents
from nps_connect.services.deliveries.preparation import contact_response
from nps_connect.settings.model import Settings


def _build_ticket(batch: PreparationBatch, row: DeliveryRow) -> TicketDraft | Prepared | NotAttempted:
    if row.payload is not None:
        return TicketDraft.model_validate(row.payload)
    if batch.contact(row).erased_at is not None:
        return CONTACT_ERASED
    answered, core = contact_response(batch, row), batch.ctx.settings.core
    deadline = tickets.deadline(answered.response.answered_at, core.zone)
    rendered = staff_texts.render_ticket(
        language=core.language, company=core.company, answered=answered, deadline=deadline, zone=core.zone
    )
    draft = TicketDraft(
        contact=answered.contact,
        response=answered.response,
        history=answered.history,
        idempotency_key=row.key,
        external_id=f"nps-{answered.response.id}",
        subject=rendered.subject,
        body=rendered.text,
        priority=_priority(batch.ctx, answered.response.score),
        tags=tickets.tags(answered.response.segment, answered.response.survey),
        deadline=deadline,
    )
    return Prepared(draft, {"payload": draft.model_dump(mode="json"), "revision": answered.response.revision})


def _load_tickets(batch: PreparationBatch) -> dict[int | None, DeliveryRow]:
    """Return the deliveries of the tickets to be updated, by id."""
    query = select(DeliveryRow).where(col(DeliveryRow.id).in_([row.depends_on_id for row in batch.deliveries]))
    return {ticket.id: ticket for ticket in batch.session.execute(query).scalars()}


def _build_update(batch: PreparationBatch, row: DeliveryRow) -> TicketUpdate | NotAttempted:
    ticket = batch.load_once(_load_tickets).get(row.depends_on_id)
    if ticket is None or ticket.state != "succeeded" or ticket.receipt_id is None:
        return NotAttempted.held(HoldCode.WAITS_FOR_TICKET)
    if batch.contact(row).erased_at is not None:
        return CONTACT_ERASED
    answered = contact_response(batch, row)
    draft = TicketDraft.model_validate(ticket.payload) if ticket.payload else None
    recovered = row.options.get("case") == RECOVERED_OPTION
    rendered = staff_texts.render_ticket_update(
        language=batch.ctx.settings.core.language,
        answered=answered,
        previous_score=draft.response.score if draft else None,
        is_recovery_survey=recovered,
    )
    return TicketUpdate(
        contact=answered.contact,
        response=answered.response,
        history=answered.history,
        idempotency_key=row.key,
        ticket_id=ticket.receipt_id,
        body=rendered.text,
        priority=_priority(batch.ctx, answered.response.score),
        tags=tickets.tags(answered.response.segment, answered.response.survey, recovered=recovered),
    )


def _build_alert(batch: PreparationBatch, row: DeliveryRow) -> Alert | NotAttempted:
    if batch.contact(row).erased_at is not None:
        return CONTACT_ERASED
    answered = contact_response(batch, row)
    link = answered.contact.link
    if is_overdue_alert(row):
        overdue = render_overdue_alert(batch.ctx, batch.session, row, answered)
        if overdue is None:
            return NotAttempted.cancelled(CancelCode.CASE_SOLVED)
        rendered, link = overdue[0], overdue[1] or link
    else:
        rendered = staff_texts.render_alert(language=batch.ctx.settings.core.language, answered=answered, link=link)
    return Alert(
        contact=answered.contact,
        response=answered.response,
        history=answered.history,
        idempotency_key=row.key,
        title=rendered.subject,
        body=rendered.text,
        link=link,
    )


def _priority(ctx: Context, score: int) -> Priority:
    cases = ctx.settings.cases
    return tickets.priority(score, urgent_up_to=cases.urgent_up_to, high_up_to=cases.high_up_to)


def _record_opened(ctx: Context, session: Session, settled: Sequence[SettledDelivery], now: datetime) -> set[str]:
    """Open the cases of new tickets, and release the updates that wait for them."""
    for delivery in settled:
        if isinstance(delivery.outcome, Receipt):
            open_case(ctx, session, delivery.row, delivery.outcome.id, now)
    released = session.execute(
        update(DeliveryRow)
        .where(
            col(DeliveryRow.depends_on_id).in_([delivery.row.id for delivery in settled]),
            col(DeliveryRow.state) == "held",
        )
        .values(state="pending", hold_code=None, hold_detail=None, due_at=now)
        .returning(col(DeliveryRow.queue_name))
        .execution_options(synchronize_session=False)
    )
    return set(released.scalars())


def _record_updated(_ctx: Context, session: Session, settled: Sequence[SettledDelivery], now: datetime) -> set[str]:
    for delivery in settled:
        if isinstance(delivery.outcome, Receipt):
            record_ticket_update(session, delivery.row, delivery.outcome.id, now)
    return set()


def _cancel_updates(
    session: Session, abandoned: Sequence[AbandonedDelivery], _settings: Settings, now: datetime
) -> set[str]:
    """Cancel the updates of tickets that will not be opened; those of a dead ticket wait for the operator."""
    ticket_ids = [delivery.row.id or 0 for delivery in abandoned if delivery.state != "dead"]
    if ticket_ids:
        cancel_dependents(session, ticket_ids, ("held",), now, "its ticket was not opened")
    return set()


OPEN_TICKET = ActionSpec(
    action="open_ticket",
    hook="nps_open_tickets",
    build=_build_ticket,
    retry_plan=parse_retry_plan("5s 15s 30s 1m 2m 5m 10m 30m 1h 2h 4h 8h 12h 12h 12h", total="3d"),
    priority=1,
    grace_period=timedelta(seconds=20),
    has_exclusive_receipt=True,
    can_be_skipped=False,
    alarms_staff=True,
    on_success=_record_opened,
    release=_cancel_updates,
)
UPDATE_TICKET = ActionSpec(
    action="update_ticket",
    hook="nps_update_tickets",
    build=_build_update,
    retry_plan=parse_retry_plan("15s 1m 5m 15m 1h 2h 4h 8h 12h 12h 12h", total="3d"),
    priority=2,
    is_ordered=True,
    follows_dependency=True,
    on_success=_record_updated,
)
SEND_ALERT = ActionSpec(
    action="send_alert",
    hook="nps_send_alerts",
    build=_build_alert,
    retry_plan=parse_retry_plan("5s 15s 30s 1m 2m 5m 10m 30m 1h 2h 4h", total="12h"),
    priority=3,
    grace_period=timedelta(seconds=20),
    can_be_skipped=False,
    alarms_staff=True,
)
ACTIONS = (OPEN_TICKET, UPDATE_TICKET, SEND_ALERT)
