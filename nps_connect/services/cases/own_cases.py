"""Cases without a helpdesk: opened with the response of a detractor for whom no route opens a ticket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import exists, select
from sqlmodel import Session, col

from nps_connect.ledger.cases import CaseEntryRow, CaseRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.rules.case_owner import owner_address, owner_value
from nps_connect.rules.timing import reply_deadline
from nps_connect.services.cases.action_specs import OPEN_TICKET
from nps_connect.services.cases.outcomes import enqueue_outcomes, record_change
from nps_connect.services.cases.ticket_notes import enqueue_ticket_note
from nps_connect.services.contacts.store import RoutableResponse
from nps_connect.services.context import Context
from nps_connect.services.webhooks.enqueue import enqueue_case_webhooks


def open_own_cases(ctx: Context, session: Session, responses: Sequence[RoutableResponse]) -> set[str]:
    """Open the cases of new responses, and reopen solved ones whose response has changed; return queues with new work.

    Args:
        ctx: the application context.
        session: the transaction of the responses.
        responses: newest revisions by detractors, for whom no route opens a ticket.
    """
    settings, now = ctx.settings.cases, ctx.clock()
    rows: list[dict[str, Any]] = []
    for columns, _response, contact, *_ in responses:
        if columns.answered_at is None:
            continue
        row = {
            "response_id": columns.id,
            "contact_id": columns.contact_id,
            "owner": owner_value(contact.fields, settings.owner_field),
            "assigned_to": owner_address(contact.fields, settings.owner_field, settings.owners),
            "state": "open",
            "opened_at": now,
            "deadline": reply_deadline(columns.answered_at, ctx.settings.core.zone, settings),
            "reopened": 0,
        }
        rows.append(row)
    opened = insert_many(session, CaseRow, rows, skip_existing=("response_id",), returning=("response_id",))
    changed = [response_id for (response_id,) in opened]
    may_be_corrected = any(not response.is_final for response in responses)
    delay = OPEN_TICKET.grace_period if may_be_corrected else timedelta(0)
    queue_names = enqueue_outcomes(ctx, session, changed, delay=delay)
    later_revisions = [row["response_id"] for row in rows if row["response_id"] not in changed]
    for case in _load_solved(session, later_revisions):
        case.state, case.solved_at, case.solve_minutes, case.solved_by, case.changed_at = "open", None, None, None, now
        case.reopened += 1
        queue_names |= record_change(ctx, session, case)
        changed.append(case.response_id)
    return queue_names | enqueue_case_webhooks(ctx, session, "case.opened", changed)


def _load_solved(session: Session, response_ids: Sequence[int]) -> Sequence[CaseRow]:
    if not response_ids:
        return ()
    query = select(CaseRow).where(col(CaseRow.response_id).in_(response_ids), col(CaseRow.state) == "solved")
    rows: Sequence[CaseRow] = (
        session.execute(query.where(col(CaseRow.connection).is_(None)).with_for_update()).scalars().all()
    )
    return rows


class OpenedTicket(NamedTuple):
    """A ticket that was just opened: the connection of the helpdesk, and its id there."""

    connection: str
    id: str


def attach_tickets(ctx: Context, session: Session, tickets: Mapping[int, OpenedTicket]) -> set[str]:
    """Give own cases the ticket that was opened later for their response; return queues with new work.

    A response has one case. What staff have done about it goes to the ticket, with the state and the assignee it has.

    Args:
        ctx: the application context.
        session: the transaction that records the tickets.
        tickets: by response id.
    """
    if not tickets:
        return set()
    is_own = col(CaseRow.response_id).in_(tickets) & col(CaseRow.connection).is_(None)
    cases = session.execute(select(CaseRow).where(is_own).with_for_update()).scalars().all()
    queue_names: set[str] = set()
    for case in cases:
        case.connection, case.ticket_id = tickets[case.response_id]
        entries = select(CaseEntryRow).where(col(CaseEntryRow.case_id) == case.id).order_by(col(CaseEntryRow.id))
        for entry in session.execute(entries).scalars():
            queue_names |= enqueue_ticket_note(ctx, session, case, entry)
    return queue_names


def withdraw_if_untouched(ctx: Context, session: Session, case: CaseRow) -> bool:
    """Delete an own case that a corrected score made obsolete within the grace period of tickets; return whether.

    A helpdesk gets no ticket for a score that is corrected within this time either.
    """
    is_new = case.connection is None and ctx.clock() < case.opened_at + OPEN_TICKET.grace_period
    is_announced = bool(ctx.webhook_subscribers.by_type.get("case.opened"))
    if (
        not is_new
        or is_announced
        or session.execute(select(exists().where(col(CaseEntryRow.case_id) == case.id))).scalar()
    ):
        return False
    session.delete(case)
    session.flush()
    return True
