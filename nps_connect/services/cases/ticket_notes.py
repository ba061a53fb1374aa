"""What staff did about a case, told to its ticket: a private comment, with the state and the assignee it has here."""

from __future__ import annotations

from typing import Literal, NamedTuple, cast

from sqlmodel import Session

from nps_connect.ledger.cases import CaseEntryRow, CaseRow
from nps_connect.ledger.tables import DeliveryRow, ResponseRow
from nps_connect.records.actions import CallOutcome, CaseEntryKind, Remedy
from nps_connect.rendering import case_texts
from nps_connect.services.action_spec import NotAttempted, PreparationBatch
from nps_connect.services.context import Context
from nps_connect.services.deliveries.factory import NewDelivery, enqueue_deliveries

STAFF_OPTION = "staff"
"""Value of the option `case` of a ticket update that reports what staff did here."""


class TicketNote(NamedTuple):
    """What a ticket is told: the text, and the state and assignee that it is to have."""

    ticket_id: str
    body: str
    state: Literal["open", "solved"] | None = None
    assignee: str | None = None


def is_ticket_reachable(ctx: Context, case: CaseRow) -> bool:
    """Return whether the ticket of a case can be told what happens here."""
    if case.connection is None or case.connection not in ctx.connections:
        return False
    return ctx.connector_info(case.connection).action("update_ticket") is not None


def is_ticket_state_shared(ctx: Context, case: CaseRow) -> bool:
    """Return whether solving, reopening and assigning a case here does the same to its ticket."""
    if not is_ticket_reachable(ctx, case):
        return False
    action = ctx.connector_info(case.connection or "").action("update_ticket")
    return action is not None and action.shares_state


def enqueue_ticket_note(ctx: Context, session: Session, case: CaseRow, entry: CaseEntryRow) -> set[str]:
    """Enqueue the update of the ticket about an entry of the history, if the case has one; return the queues."""
    response = session.get(ResponseRow, case.response_id)
    if ctx.shadow or response is None or not is_ticket_reachable(ctx, case):
        return set()
    update = NewDelivery(
        connection=case.connection or "",
        action="update_ticket",
        subject=response.public_id,
        route=f"{case.connection}:{entry.kind}:{entry.at.isoformat()}",
        due_at=ctx.clock(),
        contact_id=case.contact_id,
        response_id=case.response_id,
        revision=response.revision,
        options={"case": STAFF_OPTION, "entry": entry.id},
    )
    return enqueue_deliveries(session, [update], ctx.clock(), skip_existing=True).queue_names


def build_ticket_note(batch: PreparationBatch, row: DeliveryRow) -> TicketNote | NotAttempted:
    """Build the note about an entry; state and assignee are those of the case now."""
    entry = batch.session.get(CaseEntryRow, row.options["entry"])
    case = batch.session.get(CaseRow, entry.case_id) if entry is not None else None
    if entry is None or case is None or case.ticket_id is None:
        return NotAttempted.skipped("the case is no longer stored")
    core = batch.ctx.settings.core
    body = case_texts.render_ticket_note(core.language, entry_facts(entry), core.zone)
    return TicketNote(case.ticket_id, body, "open" if case.state == "open" else "solved", case.assigned_to)


def entry_facts(entry: CaseEntryRow) -> case_texts.EntryFacts:
    """Return what the texts say of an entry."""
    return case_texts.EntryFacts(
        kind=cast("CaseEntryKind", entry.kind),
        actor=entry.actor_name,
        text=entry.text,
        call_outcome=cast("CallOutcome | None", entry.call_outcome),
        next_contact_at=entry.next_contact_at,
        assigned_to=entry.assigned_to,
        remedies=tuple(cast("list[Remedy]", entry.remedies or [])),
    )
