"""One transaction in which a batch of events is judged, with all that follows from the verdicts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import select, update
from sqlmodel import Session, col

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.tables import DecisionRow, EventRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.events import Event
from nps_connect.rules.limit_state import Candidate, LimitState
from nps_connect.rules.trigger_decision import superseded_decision
from nps_connect.services.contacts.contact_batch import ContactRef, StoredContact, load_people, single_contact
from nps_connect.services.contacts.event_subjects import record_candidates
from nps_connect.services.context import Context
from nps_connect.services.decisions.claim_events import ClaimedEvent
from nps_connect.services.decisions.limit_state import load_limit_state
from nps_connect.services.decisions.recovery_survey import process_ticket_event
from nps_connect.services.decisions.trigger_evaluator import TriggerEvaluator
from nps_connect.services.deliveries.delivery_order import advisory_lock
from nps_connect.services.invitations.invite import ApprovedSurvey, create_invitations
from nps_connect.services.notices.staff_notices import notify_decision_limits

DECISION_LOCK = "books"
"""In place of a queue: who decides whether anybody is surveyed, one after the other."""


@dataclass
class DecisionBatch:
    """A batch before its judge.

    Attributes:
        ctx: the joined parts.
        session: the transaction.
        again: when events have to be decided on once more, by id.
    """

    ctx: Context
    session: Session
    again: dict[int, datetime] = field(default_factory=dict)
    _decisions: list[dict[str, Any]] = field(default_factory=list)
    _approved: list[ApprovedSurvey] = field(default_factory=list)

    def decide(
        self, batch: Sequence[tuple[ClaimedEvent, Event]], contacts: Mapping[ContactRef, StoredContact], *, fresh: bool
    ) -> set[str]:
        """Decide on events in order and write the decisions down; returns the queues that have work now.

        Args:
            batch: stored events, each with what it is after completion.
            contacts: the stored people of these events.
            fresh: the events were stored just now: nothing has been decided on them before.

        Raises:
            ReservationConflict: another worker was quicker; nothing of the transaction may be kept.
        """
        ctx, session, now = self.ctx, self.session, self.ctx.clock()
        queues = {queue_name for row, event in batch for queue_name in process_ticket_event(ctx, session, row, event)}
        bench = TriggerEvaluator(ctx)
        single = {key for _, event in batch if (key := single_contact(event.contacts))}
        mailboxes = {contacts[key].id: contacts[key].mailbox for key in single}
        people = load_people(session, mailboxes, with_history=bench.needs_history)
        if people:  # what is counted over everybody, each worker would else count without the others' approved_surveys
            advisory_lock(session, DECISION_LOCK)
        books = load_limit_state(ctx, session, people.values())
        before = {} if fresh else self._before([row.id for row, _ in batch])
        connection = batch[0][0].connection if batch else ""
        for row, event in bench.sort_by_priority(connection, batch, itemgetter(1)):
            key = single_contact(event.contacts)
            contact = contacts[key] if key else None
            person = people[contact.id] if contact else None
            case = Candidate(event, event.contacts, person, now, row.received_at, before.get(row.id, {}))
            for trigger, ruling in bench.rule(row.connection, case, books):
                self._decisions.append(
                    {
                        "event_id": row.id,
                        "trigger": trigger.label,
                        "survey": trigger.survey,
                        "contact_id": contact.id if contact else None,
                        "verdict": ruling.verdict,
                        "reason": ruling.reason,
                        "detail": ruling.detail,
                        "decided_at": now,
                        "eligible_at": ruling.eligible_at,
                    }
                )
                if ruling.verdict == "yes" and contact is not None and person is not None:
                    self._approved.append(
                        ApprovedSurvey(row.id, row.ref, contact, person, trigger, ruling.due_at or now)
                    )
                if ruling.verdict == "deferred" and ruling.eligible_at is not None:
                    self.again[row.id] = min(ruling.eligible_at, self.again.get(row.id, ruling.eligible_at))
        self._replace(books)
        nobody = [(row.id, event) for row, event in batch if not single_contact(event.contacts)]
        if nobody:
            record_candidates(session, connection, nobody, contacts)
        queues |= create_invitations(ctx, session, self._approved)
        insert_many(session, DecisionRow, self._decisions, on_conflict=_overwrite_decision)
        return queues | notify_decision_limits(ctx, session, self._decisions)

    def _before(self, event_ids: list[int]) -> dict[int, dict[str, str]]:
        query = select(col(DecisionRow.event_id), col(DecisionRow.trigger), col(DecisionRow.verdict))
        found: dict[int, dict[str, str]] = defaultdict(dict)
        query = query.where(in_list(col(DecisionRow.event_id), "ids"))
        for event_id, trigger, verdict in self.session.execute(query, {"ids": event_ids}):
            found[event_id][trigger] = verdict
        return found

    def _replace(self, books: LimitState) -> None:
        """Events that waited for a cooldown give way to newer ones of the same person."""
        keys = list(books.replaced)
        if not keys:
            return
        query = select(col(EventRow.id), col(EventRow.key)).where(col(EventRow.key).in_(keys))
        ids = dict(self.session.execute(query).all())
        for event_id, key in ids.items():
            ruling = superseded_decision(books.replaced[key].key)
            values = {"verdict": "no", "reason": ruling.reason, "detail": ruling.detail, "eligible_at": None}
            for verdict in self._decisions:
                if verdict["event_id"] == event_id and verdict["verdict"] == "deferred":
                    verdict.update(values)
            self.session.execute(
                update(DecisionRow)
                .where(col(DecisionRow.event_id) == event_id, col(DecisionRow.verdict) == "deferred")
                .values(**values)
                .execution_options(synchronize_session=False)
            )


def _overwrite_decision(statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert
    names = ("survey", "contact_id", "verdict", "reason", "detail", "decided_at", "eligible_at")
    changed = {name: getattr(statement.excluded, name) for name in names}
    return statement.on_conflict_do_update(index_elements=["event_id", "trigger"], set_=changed)
