"""The steps of a story: each row of the ledger as one thing that happened, in one sentence without addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.operational_tables import SuppressionRow
from nps_connect.ledger.tables import (
    AttemptRow,
    DecisionRow,
    DeliveryRow,
    EventRow,
    InvitationRow,
    PageViewRow,
    ResponseRow,
    RevisionRow,
)

MIN_MOMENT = datetime.min.replace(tzinfo=UTC)
ENTRY_ORDER = ("event", "decision", "invitation", "visit", "response", "case", "delivery", "suppression")
"""What is told first of things that happened at the same moment."""


@dataclass(frozen=True)
class TimelineEntry:
    """One thing that happened.

    Attributes:
        at: when.
        what: one of `ENTRY_ORDER`.
        id: in its table.
        told: one sentence without addresses.
        facts: the same for programs.
    """

    at: datetime
    what: str
    id: int
    told: str
    facts: dict[str, Any] = field(default_factory=dict)


def _format_time(moment: datetime, zone: tzinfo) -> str:
    """A time inside a sentence: in the company's zone, which it names, like the times beside the sentences."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def event_entry(row: EventRow) -> TimelineEntry:
    """An event came in."""
    told = f"{row.kind} of {row.object_id} at {row.connection}, by {row.source}"
    waits = f"; {row.state}: {row.last_error or 'waits to be decided'}" if row.state in ("pending", "dead") else ""
    facts = {"key": row.key, "kind": row.kind, "connection": row.connection, "source": row.source, "state": row.state}
    return TimelineEntry(row.received_at, "event", row.id or 0, told + waits, {**facts, "occurred_at": row.occurred_at})


def decision_entry(row: DecisionRow, zone: tzinfo) -> TimelineEntry:
    """A trigger decided on an event."""
    until = f"; next possible {_format_time(row.eligible_at, zone)}" if row.eligible_at else ""
    told = f"{row.verdict} ({row.reason}) by {row.trigger}: {row.detail}{until}"
    for one in reversed(row.earlier or []):
        at = _format_time(datetime.fromisoformat(one["at"]), zone)
        told += f"; decided again because: {one['again']}; before, {at}: no ({one['reason']}), {one['detail']}"
    names = ("event_id", "trigger", "survey", "verdict", "reason", "detail", "eligible_at", "earlier")
    return TimelineEntry(row.decided_at, "decision", row.id or 0, told, {name: getattr(row, name) for name in names})


def invitation_entry(row: InvitationRow, zone: tzinfo) -> TimelineEntry:
    """A survey was planned, and what became of it."""
    when = f"sent {_format_time(row.sent_at, zone)}" if row.sent_at else f"due {_format_time(row.due_at, zone)}"
    reason = f" ({row.reason})" if row.reason else ""
    told = f"survey {row.survey} in {row.language}, {row.state}, {when}{reason}"
    names = (
        "event_id",
        "survey",
        "touchpoint",
        "trigger",
        "language",
        "state",
        "reason",
        "due_at",
        "sent_at",
        "expires_at",
    )
    return TimelineEntry(row.created_at, "invitation", row.id or 0, told, {name: getattr(row, name) for name in names})


def visit_entry(row: PageViewRow) -> TimelineEntry:
    """A personal link was opened."""
    score = f", score {row.score} preselected" if row.score is not None else ""
    facts = {"invitation_id": row.invitation_id, "response_id": row.response_id, "purpose": row.purpose}
    told = f"{row.purpose} page opened ({row.method}){score}"
    return TimelineEntry(row.at, "visit", row.id or 0, told, {**facts, "method": row.method, "score": row.score})


def revision_entry(row: RevisionRow, public_id: str) -> TimelineEntry:
    """An answer was confirmed."""
    comment = ", with a comment" if row.comment else ""
    told = f"score {row.score}{comment}, revision {row.revision} of {public_id}"
    facts = {"response": public_id, "revision": row.revision, "score": row.score, "sent": row.is_final}
    return TimelineEntry(row.at, "response", row.response_id, told, facts)


def provisional_entry(row: ResponseRow) -> TimelineEntry:
    """A score was opened that nobody has confirmed."""
    told = f"score {row.provisional_score}, provisional: nobody has confirmed it"
    facts = {"response": row.public_id, "revision": 0, "score": row.provisional_score}
    return TimelineEntry(row.provisional_at or MIN_MOMENT, "response", row.id or 0, told, facts)


def delivery_entry(row: DeliveryRow, tries: Sequence[AttemptRow], zone: tzinfo) -> TimelineEntry:
    """An action on a connection, and where it stands."""
    why = row.hold or row.last_error or row.receipt_note
    link = row.receipt_link or row.receipt_id
    told = f"{row.action} on {row.connection}: {row.state}"
    told += f" as {link}" if link else ""
    told += f" ({why.strip().splitlines()[-1][:200]})" if why and why.strip() else ""
    told += f"; due {_format_time(row.due_at, zone)}" if row.state == "pending" else ""
    told += f"; {len(tries)} tries" if len(tries) > 1 else ""
    names = (
        "action",
        "connection",
        "state",
        "due_at",
        "hold",
        "last_error",
        "receipt_id",
        "receipt_link",
        "finished_at",
    )
    facts = {name: getattr(row, name) for name in (*names, "invitation_id", "response_id", "depends_on_id")}
    facts["tries"] = [{"at": one.started_at, "outcome": one.outcome, "message": one.message} for one in tries]
    return TimelineEntry(row.created_at, "delivery", row.id or 0, told, facts)


def suppression_entry(row: SuppressionRow) -> TimelineEntry:
    """A person or mailbox may no longer be written to."""
    whose = "person" if row.subject.startswith("c:") else "mailbox"
    told = f"{row.reason}, told by {row.source}: no mail to this {whose}"
    return TimelineEntry(row.created_at, "suppression", row.id or 0, told, {"reason": row.reason, "source": row.source})


def case_entries(row: CaseRow, zone: tzinfo) -> list[TimelineEntry]:
    """A detractor to be won back: opened, told overdue, solved, won back, each at its moment."""
    ticket = f"ticket {row.ticket_id} at {row.connection}"
    owner = f", looked after by {row.owner}" if row.owner else ""
    until = f", to be answered until {_format_time(row.deadline, zone)}" if row.deadline else ""
    times = "once" if row.reopened == 1 else f"{row.reopened} times"
    again = f", opened again {times}" if row.reopened else ""
    took = f" after {row.solve_minutes} minutes" if row.solve_minutes is not None else ""
    told = [
        (row.opened_at, f"case opened with {ticket}{owner}{until}; now {row.state}{again}"),
        (row.overdue_notified_at, f"case overdue: staff were told of {ticket}"),
        (row.solved_at, f"case solved{took}: {ticket}"),
        (row.recovered_at, f"customer won back: score {row.recovered_score} after {ticket}"),
    ]
    facts = {name: getattr(row, name) for name in ("connection", "ticket_id", "state", "response_id", "follow_up_id")}
    facts |= {name: getattr(row, name) for name in ("deadline", "reopened", "recovered_score")}
    return [TimelineEntry(at, "case", row.id or 0, sentence, facts) for at, sentence in told if at is not None]
