"""The actions `open_ticket`, `update_ticket` and `send_alert`: what staff receive about a detractor."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlmodel import Session, col

from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.tables import ContactRow, DeliveryRow, ResponseRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.actions import AlertSeverity, CancelCode, HoldCode, Priority
from nps_connect.records.base import Segment
from nps_connect.records.deliveries import Alert, Receipt, TicketDraft, TicketUpdate
from nps_connect.records.responses import segment_of
from nps_connect.rendering import staff_texts
from nps_connect.rules.case_owner import owner_address, owner_value
from nps_connect.rules.timing import reply_deadline
from nps_connect.services.action_spec import (
    AbandonedDelivery,
    ActionHandler,
    NotAttempted,
    PreparationBatch,
    Prepared,
    SettledDelivery,
)
from nps_connect.services.cases.case_page_link import case_link
from nps_connect.services.cases.cases import RECOVERED_OPTION, TicketDelivery, load_tickets, record_ticket_update
from nps_connect.services.cases.outcomes import enqueue_outcomes
from nps_connect.services.cases.overdue import find_overdue_case, is_overdue_alert, render_overdue_case
from nps_connect.services.cases.own_cases import OpenedTicket, attach_tickets
from nps_connect.services.cases.ticket_notes import STAFF_OPTION, TicketNote, build_ticket_note
from nps_connect.services.contacts.store import build_contact, surviving_contact
from nps_connect.services.context import Context
from nps_connect.services.deliveries.cancel import cancel_dependents
from nps_connect.services.deliveries.preparation import contact_response
from nps_connect.services.webhooks.enqueue import enqueue_case_webhooks
from nps_connect.settings.model import Settings

ALERT_TICKET_TIMEOUT = timedelta(seconds=30)
"""How long after the response an alert waits for a ticket that is being opened: its grace period, and ten seconds."""

ALERT_TICKET_POLL_INTERVAL = timedelta(seconds=2)
"""When such an alert looks again; the ticket's receipt releases it at once."""


def _build_ticket(batch: PreparationBatch, row: DeliveryRow) -> TicketDraft | Prepared | NotAttempted:
    if row.payload is not None:
        return TicketDraft.model_validate(row.payload)
    answered, core, cases = contact_response(batch, row), batch.ctx.settings.core, batch.ctx.settings.cases
    deadline = reply_deadline(answered.response.answered_at, core.zone, cases)
    owner = owner_address(answered.contact.fields, cases.owner_field, cases.owners)
    rendered = staff_texts.render_ticket(
        language=core.language, company=core.company, answered=answered, deadline=deadline, zone=core.zone, owner=owner
    )
    draft = TicketDraft(
        contact=answered.contact,
        response=answered.response,
        history=answered.history,
        idempotency_key=row.key,
        external_id=f"nps-{answered.response.id}",
        subject=rendered.subject,
        body=rendered.text,
        priority=ticket_priority(answered.response.score, urgent_up_to=cases.urgent_up_to, high_up_to=cases.high_up_to),
        tags=ticket_tags(answered.response.segment, answered.response.survey),
        deadline=deadline,
        owner=owner,
    )
    return Prepared(draft, {"payload": draft.model_dump(mode="json"), "revision": answered.response.revision})


def _load_updated(batch: PreparationBatch) -> dict[int | None, DeliveryRow]:
    """Return the deliveries of the tickets to be updated, by id."""
    query = select(DeliveryRow).where(col(DeliveryRow.id).in_([row.depends_on_id for row in batch.deliveries]))
    return {ticket.id: ticket for ticket in batch.session.execute(query).scalars()}


def _build_update(batch: PreparationBatch, row: DeliveryRow) -> TicketUpdate | NotAttempted:
    recovered = row.options.get("case") == RECOVERED_OPTION
    is_note = row.options.get("case") == STAFF_OPTION
    note = build_ticket_note(batch, row) if is_note else _build_change(batch, row, is_recovery_survey=recovered)
    if isinstance(note, NotAttempted):
        return note
    answered, cases = contact_response(batch, row), batch.ctx.settings.cases
    return TicketUpdate(
        contact=answered.contact,
        response=answered.response,
        history=answered.history,
        idempotency_key=row.key,
        ticket_id=note.ticket_id,
        body=note.body,
        priority=ticket_priority(answered.response.score, urgent_up_to=cases.urgent_up_to, high_up_to=cases.high_up_to),
        tags=ticket_tags(answered.response.segment, answered.response.survey, recovered=recovered),
        state=note.state,
        assignee=note.assignee,
    )


def _build_change(batch: PreparationBatch, row: DeliveryRow, *, is_recovery_survey: bool) -> TicketNote | NotAttempted:
    """Build what a ticket is told of a changed response."""
    ticket = batch.load_once(_load_updated).get(row.depends_on_id)
    if ticket is None or ticket.state != "succeeded" or ticket.receipt_id is None:
        return NotAttempted.held(HoldCode.WAITS_FOR_TICKET)
    draft = TicketDraft.model_validate(ticket.payload) if ticket.payload else None
    rendered = staff_texts.render_ticket_update(
        language=batch.ctx.settings.core.language,
        answered=contact_response(batch, row),
        previous_score=draft.response.score if draft else None,
        is_recovery_survey=is_recovery_survey,
    )
    return TicketNote(ticket.receipt_id, rendered.text)


def _load_tickets(batch: PreparationBatch) -> dict[int | None, TicketDelivery]:
    """Return the tickets of the responses that staff are alerted to, by response id."""
    return load_tickets(batch.session, [row.response_id for row in batch.deliveries])


def _load_cases(batch: PreparationBatch) -> dict[int | None, CaseRow]:
    """Return the cases of the responses that staff are alerted to, by response id."""
    query = select(CaseRow).where(col(CaseRow.response_id).in_([row.response_id for row in batch.deliveries]))
    return {case.response_id: case for case in batch.session.execute(query).scalars()}


def _build_alert(batch: PreparationBatch, row: DeliveryRow) -> Alert | NotAttempted:
    """Build an alert with the link to the ticket. It waits some seconds for a ticket that is being opened."""
    answered, now = contact_response(batch, row), batch.ctx.clock()
    core, cases = batch.ctx.settings.core, batch.ctx.settings.cases
    ticket = batch.load_once(_load_tickets).get(row.response_id)
    owner = owner_address(answered.contact.fields, cases.owner_field, cases.owners)
    page_link = None
    is_overdue = is_overdue_alert(row)
    if is_overdue:
        case = find_overdue_case(batch.ctx, batch.session, row)
        if case is None:
            return NotAttempted.cancelled(CancelCode.CASE_SOLVED)
        rendered, owner = render_overdue_case(batch.ctx, batch.session, case, answered), case.assigned_to
        page_link = case_link(batch.ctx, batch.session, case, answered.response.id)
    elif ticket is not None and _is_being_opened(ticket, now) and now < row.created_at + ALERT_TICKET_TIMEOUT:
        return NotAttempted.deferred(HoldCode.WAITS_FOR_TICKET, now + ALERT_TICKET_POLL_INTERVAL)
    else:
        deadline = reply_deadline(answered.response.answered_at, core.zone, cases)
        case = batch.load_once(_load_cases).get(row.response_id)
        page_link = case_link(batch.ctx, batch.session, case, answered.response.id)
        rendered = staff_texts.render_alert(
            language=core.language,
            answered=answered,
            ticket_link=ticket.link if ticket is not None else None,
            deadline=deadline if answered.response.segment == "detractor" else None,
            zone=core.zone,
            owner=owner,
            case_link=page_link,
        )
    return Alert(
        contact=answered.contact,
        response=answered.response,
        history=answered.history,
        idempotency_key=row.key,
        title=rendered.subject,
        body=rendered.text,
        link=(ticket.link if ticket is not None else None) or page_link or answered.contact.link,
        severity=alert_severity(answered.response.score, urgent_up_to=cases.urgent_up_to, is_overdue=is_overdue),
        recipient=owner or cases.team_email or core.fallback_email,
    )


def _is_being_opened(ticket: TicketDelivery, now: datetime) -> bool:
    """Return whether a ticket is due or under way; one that failed before is due later."""
    return ticket.state == "running" or (ticket.state == "pending" and ticket.due_at <= now)


def alert_severity(score: int, *, urgent_up_to: int = 3, is_overdue: bool = False) -> AlertSeverity:
    """Severity of an alert: a failure for an urgent score or an overdue case, a warning for any other detractor.

    Args:
        score: of the newest response.
        urgent_up_to: the highest urgent score.
        is_overdue: the deadline of the case has passed.
    """
    if is_overdue or score <= urgent_up_to:
        return "failure"
    return "warning" if segment_of(score) == "detractor" else "info"


def ticket_priority(score: int, *, urgent_up_to: int = 3, high_up_to: int = 5) -> Priority:
    """Priority of a ticket: 0-3 urgent, 4-5 high, 6 normal; low if the customer is no longer a detractor.

    Args:
        score: of the newest response.
        urgent_up_to, high_up_to: highest scores of the two upper bands.

    Raises:
        ValueError: the score is not an integer from 0 to 10.
    """
    if segment_of(score) != "detractor":
        return "low"
    if score <= urgent_up_to:
        return "urgent"
    return "high" if score <= high_up_to else "normal"


def ticket_tags(segment: Segment, survey: str, *, recovered: bool = False) -> tuple[str, ...]:
    """Tags without spaces: product, segment, survey, and whether the customer was recovered."""
    base = ("nps", f"nps-{segment}", f"survey-{'-'.join(survey.split()).lower()}")
    return (*base, "nps-recovered") if recovered else base


def _record_opened(ctx: Context, session: Session, settled: Sequence[SettledDelivery], now: datetime) -> set[str]:
    """Open the cases of new tickets, and release the updates, alerts and scores that wait for them."""
    core, settings = ctx.settings.core, ctx.settings.cases
    cases: list[dict[str, Any]] = []
    delivery_ids: list[int | None] = []
    for delivery, outcome, *_ in settled:
        delivery_ids.append(delivery.id)
        response = session.get(ResponseRow, delivery.response_id) if delivery.response_id else None
        contact = session.get(ContactRow, delivery.contact_id) if delivery.contact_id else None
        if not isinstance(outcome, Receipt) or contact is None or response is None or response.answered_at is None:
            continue
        contact = surviving_contact(session, contact)
        fields = build_contact(contact).fields
        case = {
            "response_id": response.id,
            "contact_id": contact.id,
            "connection": delivery.connection,
            "ticket_id": outcome.id,
            "owner": owner_value(fields, settings.owner_field),
            "assigned_to": owner_address(fields, settings.owner_field, settings.owners),
            "state": "open",
            "opened_at": now,
            "deadline": reply_deadline(response.answered_at, core.zone, settings),
            "reopened": 0,
        }
        cases.append(case)
    new_cases = insert_many(session, CaseRow, cases, skip_existing=("response_id",), returning=("response_id",))
    is_update = col(DeliveryRow.depends_on_id).in_(delivery_ids) & (col(DeliveryRow.state) == "held")
    waits_for_link = (
        col(DeliveryRow.response_id).in_([case["response_id"] for case in cases])
        & (col(DeliveryRow.state) == "pending")
        & (col(DeliveryRow.hold_code) == HoldCode.WAITS_FOR_TICKET)
    )
    new_ids = [response_id for (response_id,) in new_cases]
    queue_names = enqueue_outcomes(ctx, session, new_ids)
    if len(new_ids) < len(cases):  # some have a case already
        tickets = {case["response_id"]: OpenedTicket(case["connection"], case["ticket_id"]) for case in cases}
        queue_names |= attach_tickets(ctx, session, tickets)
    if "case.opened" in ctx.webhook_subscribers.by_type:
        queue_names |= enqueue_case_webhooks(ctx, session, "case.opened", new_ids)
    for is_waiting in (is_update, waits_for_link):
        released = session.execute(
            update(DeliveryRow)
            .where(is_waiting)
            .values(state="pending", hold_code=None, hold_detail=None, due_at=now)
            .returning(col(DeliveryRow.queue_name))
            .execution_options(synchronize_session=False)
        )
        queue_names.update(released.scalars())
    return queue_names


def _record_updated(ctx: Context, session: Session, settled: Sequence[SettledDelivery], now: datetime) -> set[str]:
    queue_names: set[str] = set()
    for delivery in settled:
        if isinstance(delivery.outcome, Receipt):
            queue_names |= record_ticket_update(ctx, session, delivery.row, delivery.outcome.id, now)
    return queue_names


def _cancel_updates(
    session: Session, abandoned: Sequence[AbandonedDelivery], _settings: Settings, now: datetime
) -> set[str]:
    """Cancel the updates of tickets that will not be opened; those of a dead ticket wait for the operator."""
    ticket_ids = [delivery.row.id or 0 for delivery in abandoned if delivery.state != "dead"]
    if ticket_ids:
        cancel_dependents(session, ticket_ids, ("held",), now, "its ticket was not opened")
    return set()


OPEN_TICKET_HANDLER = ActionHandler(
    build=_build_ticket,
    on_success=_record_opened,
    release=_cancel_updates,
)
UPDATE_TICKET_HANDLER = ActionHandler(build=_build_update, on_success=_record_updated)
SEND_ALERT_HANDLER = ActionHandler(build=_build_alert)
