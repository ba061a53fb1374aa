"""Timeline entries: each row of the ledger as one event in one sentence without e-mail addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from nps_connect.ledger import tables
from nps_connect.ledger.cases import CaseEntryRow, CaseRow
from nps_connect.ledger.suppressions import SuppressionRow
from nps_connect.records.actions import hold_text
from nps_connect.records.responses import collection_phrase
from nps_connect.services.action_spec import WEBHOOK_OPTION
from nps_connect.services.deliveries.customer_mail import MESSAGE_ID_OPTION

MIN_MOMENT = datetime.min.replace(tzinfo=UTC)
ENTRY_ORDER = ("event", "decision", "invitation", "visit", "response", "case", "delivery", "suppression")
"""Order of entries of the same moment."""


@dataclass(frozen=True)
class TimelineEntry:
    """One entry of a timeline.

    Attributes:
        at: when it happened.
        kind: one of `ENTRY_ORDER`.
        id: in its table.
        text: one sentence without e-mail addresses.
        facts: the same for programs.
    """

    at: datetime
    kind: str
    id: int
    text: str
    facts: dict[str, Any] = field(default_factory=dict)


def event_entry(row: tables.EventRow) -> TimelineEntry:
    """An event was received."""
    text = f"{row.kind} of {row.object_id} at {row.connection}, by {row.source}"
    if row.state in ("pending", "dead"):
        text += f"; {row.state}: {row.last_error or 'not decided yet'}"
    facts = _facts(row, "key", "kind", "connection", "source", "state", "occurred_at")
    return TimelineEntry(row.received_at, "event", row.id or 0, text, facts)


def decision_entry(row: tables.DecisionRow, zone: tzinfo) -> TimelineEntry:
    """A trigger decided on an event, with the decisions that this one replaced."""
    until = f"; next possible {_format_time(row.eligible_at, zone)}" if row.eligible_at else ""
    text = f"{row.verdict} ({row.reason}) by {row.trigger}: {row.detail}{until}"
    for earlier in reversed(row.previous_decisions or []):
        at = _format_time(datetime.fromisoformat(earlier["at"]), zone)
        text += (
            f"; decided again because: {earlier['again']}; before, {at}: no ({earlier['reason']}), {earlier['detail']}"
        )
    facts = _facts(row, "event_id", "trigger", "survey", "verdict", "reason", "detail", "eligible_at")
    facts["earlier"] = row.previous_decisions
    return TimelineEntry(row.decided_at, "decision", row.id or 0, text, facts)


def invitation_entry(
    row: tables.InvitationRow, zone: tzinfo, response: tables.ResponseRow | None = None
) -> TimelineEntry:
    """A survey invitation was created; with its present state, or how its response was taken elsewhere.

    Args:
        row: the invitation.
        zone: of the times in the text.
        response: to it, if there is one.
    """
    how = collection_phrase(response.collected_by) if response is not None else None
    if response is not None and response.answered_at is not None and how is not None:
        text = f"survey {row.survey} in {row.language}, answered {how} {_format_time(response.answered_at, zone)}"
    else:
        when = f"sent {_format_time(row.sent_at, zone)}" if row.sent_at else f"due {_format_time(row.due_at, zone)}"
        reason = f" ({row.reason})" if row.reason else ""
        text = f"survey {row.survey} in {row.language}, {row.state}, {when}{reason}"
    facts = _facts(row, "event_id", "survey", "touchpoint", "trigger", "language", "state", "reason", "due_at")
    facts |= _facts(row, "sent_at", "expires_at")
    return TimelineEntry(row.created_at, "invitation", row.id or 0, text, facts)


def visit_entry(row: tables.PageViewRow) -> TimelineEntry:
    """A personal link was opened."""
    score = f", score {row.score} preselected" if row.score is not None else ""
    facts = _facts(row, "invitation_id", "response_id", "purpose", "method", "score")
    return TimelineEntry(row.at, "visit", row.id or 0, f"{row.purpose} page opened ({row.method}){score}", facts)


def revision_entry(row: tables.RevisionRow, public_id: str) -> TimelineEntry:
    """A response was confirmed or changed."""
    comment = ", with a comment" if row.comment else ""
    text = f"score {row.score}{comment}, revision {row.revision} of {public_id}"
    facts = {"response": public_id, **_facts(row, "revision", "score", "is_final")}
    return TimelineEntry(row.at, "response", row.response_id, text, facts)


def provisional_entry(row: tables.ResponseRow) -> TimelineEntry:
    """A score was opened but not confirmed."""
    text = f"score {row.provisional_score}, provisional: not confirmed"
    facts = {"response": row.public_id, "revision": 0, "score": row.provisional_score}
    return TimelineEntry(row.provisional_at or MIN_MOMENT, "response", row.id or 0, text, facts)


def delivery_entry(row: tables.DeliveryRow, attempts: Sequence[tables.AttemptRow], zone: tzinfo) -> TimelineEntry:
    """A delivery was planned; with its present state and its attempts."""
    hold = hold_text(row.hold_code, row.hold_detail)
    why = hold or row.last_error or row.receipt_note
    link = row.receipt_link or row.receipt_id
    webhook_type = row.options.get(WEBHOOK_OPTION)
    text = row.action + (f" {webhook_type}" if webhook_type else "") + f" on {row.connection}: {row.state}"
    text += f" as {link}" if link else ""
    text += f" ({why.strip().splitlines()[-1][:200]})" if why and why.strip() else ""
    message_id = row.options.get(MESSAGE_ID_OPTION) if row.in_doubt else None
    text += f"; Message-ID {message_id}" if message_id else ""
    text += f"; due {_format_time(row.due_at, zone)}" if row.state == "pending" else ""
    text += f"; {len(attempts)} attempts" if len(attempts) > 1 else ""
    facts = _facts(row, "action", "connection", "state", "due_at", "last_error", "receipt_id", "receipt_link")
    facts |= _facts(row, "finished_at", "invitation_id", "response_id", "depends_on_id")
    facts["hold"] = hold
    facts["attempts"] = [
        {"at": attempt.started_at, "outcome": attempt.outcome, "message": attempt.message} for attempt in attempts
    ]
    return TimelineEntry(row.created_at, "delivery", row.id or 0, text, facts)


def suppression_entry(row: SuppressionRow) -> TimelineEntry:
    """A person or mailbox may no longer be contacted."""
    subject = "person" if row.subject.startswith("c:") else "mailbox"
    text = f"{row.reason} ({row.source}): no mail to this {subject}"
    return TimelineEntry(row.created_at, "suppression", row.id or 0, text, _facts(row, "reason", "source"))


def case_entries(row: CaseRow, zone: tzinfo) -> list[TimelineEntry]:
    """A case was opened, became overdue, was solved, was recovered: one entry for each that happened."""
    ticket = f"ticket {row.ticket_id} at {row.connection}" if row.ticket_id else "no ticket"
    owner = f", owner {row.owner}" if row.owner else ""
    deadline = f", reply due by {_format_time(row.deadline, zone)}" if row.deadline else ""
    times = "once" if row.reopened == 1 else f"{row.reopened} times"
    reopened = f", reopened {times}" if row.reopened else ""
    duration = f" after {row.solve_minutes} minutes" if row.solve_minutes is not None else ""
    solver = row.solved_by or row.handled_by
    agent = f" by {solver}" if solver and row.state == "solved" else ""
    done = f"; done: {', '.join(row.remedies)}" if row.remedies and row.state == "solved" else ""
    moments = (
        (row.opened_at, f"case opened with {ticket}{owner}{deadline}; now {row.state}{reopened}"),
        (row.overdue_notified_at, f"case overdue: staff notified about {ticket}"),
        (row.solved_at, f"case solved{duration}{agent}: {ticket}{done}"),
        (row.recovered_at, f"customer recovered: score {row.recovered_score} after {ticket}"),
    )
    facts = _facts(row, "connection", "ticket_id", "state", "response_id", "follow_up_id")
    facts |= _facts(row, "deadline", "reopened", "recovered_score")
    return [TimelineEntry(at, "case", row.id or 0, text, facts) for at, text in moments if at is not None]


def case_work_entry(row: CaseEntryRow, zone: tzinfo) -> TimelineEntry:
    """Staff did something about a case; what solved it is in `case_entries`."""
    next_call = f"; next call {_format_time(row.next_contact_at, zone)}" if row.next_contact_at else ""
    texts = {
        "assigned": "case assigned" if row.assigned_to else "case assigned to nobody",
        "note": "note added to the case",
        "called": f"customer called: {(row.call_outcome or 'spoken').replace('_', ' ')}{next_call}",
        "reopened": "case reopened",
    }
    facts = {"work": row.kind, "by": row.actor_name} | _facts(row, "call_outcome", "next_contact_at", "assigned_to")
    return TimelineEntry(row.at, "case", row.id or 0, texts[row.kind], facts)


def _facts(row: object, *columns: str) -> dict[str, Any]:
    return {column: getattr(row, column) for column in columns}


def _format_time(moment: datetime, zone: tzinfo) -> str:
    """A time for use inside a sentence, with the name of its zone."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M %Z}"
