"""What staff do about a case: assign it, note something, record a call. Each is kept in its history and audited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.errors import NpsConnectError
from nps_connect.ledger.audit_log import Actor, record_audit
from nps_connect.ledger.cases import CaseEntryRow, CaseRow
from nps_connect.ledger.tables import ResponseRow
from nps_connect.records.actions import CallOutcome, CaseEntryKind, Remedy
from nps_connect.sanitization import sanitize_text
from nps_connect.services.cases.ticket_notes import enqueue_ticket_note
from nps_connect.services.context import Context

MAX_NOTE_LENGTH = 5000
_COMMANDS = {
    "note": "cases note",
    "called": "cases note",
    "assigned": "cases assign",
    "solved": "cases solve",
    "reopened": "cases reopen",
}


class CaseUnchanged(NpsConnectError):
    """What is asked for cannot be done with a case as it is now; the text says why, for people."""


@dataclass(frozen=True, kw_only=True)
class CaseEntry:
    """What a member of staff did about a case, see `CaseEntryRow`."""

    kind: CaseEntryKind
    text: str | None = None
    call_outcome: CallOutcome | None = None
    next_contact_at: datetime | None = None
    assigned_to: str | None = None
    remedies: tuple[Remedy, ...] = ()


def lock_case(session: Session, response: str) -> CaseRow | None:
    """Load the case of a response, by the response's public id, for changes; None if there is none."""
    query = select(CaseRow).join(ResponseRow, col(ResponseRow.id) == col(CaseRow.response_id))
    query = query.where(col(ResponseRow.public_id) == response).with_for_update(of=CaseRow)
    case: CaseRow | None = session.execute(query).scalar()
    return case


def lock_case_by_id(session: Session, case_id: int) -> CaseRow | None:
    """Load a case for changes; None if there is none."""
    return session.get(CaseRow, case_id, with_for_update=True)


def assign_case(ctx: Context, session: Session, case: CaseRow, actor: Actor, address: str | None) -> set[str]:
    """Let a member of staff have the case, or nobody; return the queues with new work."""
    if case.assigned_to == address:
        raise CaseUnchanged(f"the case is assigned to {address or 'nobody'} already")
    case.assigned_to = address
    return record_entry(ctx, session, case, actor, CaseEntry(kind="assigned", assigned_to=address))


def add_note(ctx: Context, session: Session, case: CaseRow, actor: Actor, text: str) -> set[str]:
    """Keep a note with the case; return the queues with new work."""
    if not sanitize_text(text):
        raise CaseUnchanged("the note is empty")
    return record_entry(ctx, session, case, actor, CaseEntry(kind="note", text=text))


def record_call(ctx: Context, session: Session, case: CaseRow, actor: Actor, call: CaseEntry) -> set[str]:
    """Record that the customer was called; return the queues with new work.

    Speaking with the customer keeps the promise of the deadline. A date for the next call replaces it as what is due.

    Args:
        ctx: the application context.
        session: the transaction.
        case: locked.
        actor: who called.
        call: of kind `called`; `call_again` needs the moment of the next call.
    """
    now = ctx.clock()
    if case.state != "open":
        raise CaseUnchanged("the case is solved; reopen it first")
    if call.call_outcome == "call_again" and call.next_contact_at is None:
        raise CaseUnchanged("the day of the next call is missing")
    if call.next_contact_at is not None and call.next_contact_at <= now:
        raise CaseUnchanged("the next call is in the past")
    if call.call_outcome == "spoken" and case.first_reply_minutes is None:
        case.first_reply_minutes = max(0, int((now - case.opened_at).total_seconds() // 60))
    if call.next_contact_at is not None:
        case.next_contact_at = call.next_contact_at
        case.overdue_notified_at = case.escalated_at = None
    return record_entry(ctx, session, case, actor, call)


def record_entry(ctx: Context, session: Session, case: CaseRow, actor: Actor, entry: CaseEntry) -> set[str]:
    """Write an entry of the history and of the audit log, and tell the ticket; return the queues with new work."""
    now = ctx.clock()
    row = CaseEntryRow(
        case_id=case.id or 0,
        at=now,
        kind=entry.kind,
        actor_kind=actor.kind,
        actor_name=actor.name[:100],
        text=sanitize_text(entry.text)[:MAX_NOTE_LENGTH] or None if entry.text is not None else None,
        call_outcome=entry.call_outcome,
        next_contact_at=entry.next_contact_at,
        assigned_to=entry.assigned_to,
        remedies=list(entry.remedies) or None,
    )
    session.add(row)
    session.flush()
    record_audit(session, actor, _COMMANDS[entry.kind], f"case:{case.id}", now=now)
    return enqueue_ticket_note(ctx, session, case, row)
