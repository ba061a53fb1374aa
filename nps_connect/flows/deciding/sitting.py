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

from nps_connect.flows.context import Context
from nps_connect.flows.deciding.bookkeeping import books_of
from nps_connect.flows.deciding.gathering import Key, Known, people_of, the_one
from nps_connect.flows.deciding.listening import Bench
from nps_connect.flows.deciding.taking import Taken
from nps_connect.flows.delivering.ordering import line_up
from nps_connect.flows.intake.naming import note_candidates
from nps_connect.flows.inviting.invite import Yes, invite_all
from nps_connect.flows.minding.noticing import notice_stops
from nps_connect.flows.routing.recovery import close_loop
from nps_connect.ledger.many import one_of
from nps_connect.ledger.tables import DecisionRow, EventRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.events import Event
from nps_connect.rules.deciding import superseded
from nps_connect.rules.judging import Books, Case

BOOKS = "books"
"""In place of a lane: who decides whether anybody is surveyed, one after the other."""


@dataclass
class Sitting:
    """A batch before its judge.

    Attributes:
        ctx: the joined parts.
        session: the transaction.
        again: when events have to be decided on once more, by id.
    """

    ctx: Context
    session: Session
    again: dict[int, datetime] = field(default_factory=dict)
    _verdicts: list[dict[str, Any]] = field(default_factory=list)
    _yeses: list[Yes] = field(default_factory=list)

    def judge(self, batch: Sequence[tuple[Taken, Event]], contacts: Mapping[Key, Known], *, fresh: bool) -> set[str]:
        """Decide on events in order and write the decisions down; returns the lanes that have work now.

        Args:
            batch: stored events, each with what it is after completion.
            contacts: the stored people of these events.
            fresh: the events were stored just now: nothing has been decided on them before.

        Raises:
            Raced: another worker was quicker; nothing of the transaction may be kept.
        """
        ctx, session, now = self.ctx, self.session, self.ctx.clock()
        lanes = {lane for row, event in batch for lane in close_loop(ctx, session, row, event)}
        bench = Bench(ctx)
        single = {key for _, event in batch if (key := the_one(event.contacts))}
        mailboxes = {contacts[key].id: contacts[key].mailbox for key in single}
        people = people_of(session, mailboxes, past=bench.asks_about_the_past)
        if people:  # what is counted over everybody, each worker would else count without the others' yeses
            line_up(session, BOOKS)
        books = books_of(ctx, session, people.values())
        before = {} if fresh else self._before([row.id for row, _ in batch])
        connection = batch[0][0].connection if batch else ""
        for row, event in bench.in_order(connection, batch, itemgetter(1)):
            key = the_one(event.contacts)
            contact = contacts[key] if key else None
            person = people[contact.id] if contact else None
            case = Case(event, event.contacts, person, now, row.received_at, before.get(row.id, {}))
            for trigger, ruling in bench.rule(row.connection, case, books):
                self._verdicts.append(
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
                    self._yeses.append(Yes(row, contact, person, trigger, ruling))
                if ruling.verdict == "deferred" and ruling.eligible_at is not None:
                    self.again[row.id] = min(ruling.eligible_at, self.again.get(row.id, ruling.eligible_at))
        self._replace(books)
        nobody = [(row.id, event) for row, event in batch if not the_one(event.contacts)]
        if nobody:
            note_candidates(session, connection, nobody, contacts)
        lanes |= invite_all(ctx, session, self._yeses)
        insert_many(session, DecisionRow, self._verdicts, clash=_decided_before)
        return lanes | notice_stops(ctx, session, self._verdicts)

    def _before(self, event_ids: list[int]) -> dict[int, dict[str, str]]:
        query = select(col(DecisionRow.event_id), col(DecisionRow.trigger), col(DecisionRow.verdict))
        found: dict[int, dict[str, str]] = defaultdict(dict)
        query = query.where(one_of(col(DecisionRow.event_id), "ids"))
        for event_id, trigger, verdict in self.session.execute(query, {"ids": event_ids}):
            found[event_id][trigger] = verdict
        return found

    def _replace(self, books: Books) -> None:
        """Events that waited for a cooldown give way to newer ones of the same person."""
        keys = list(books.replaced)
        if not keys:
            return
        query = select(col(EventRow.id), col(EventRow.key)).where(col(EventRow.key).in_(keys))
        ids = dict(self.session.execute(query).all())
        for event_id, key in ids.items():
            ruling = superseded(books.replaced[key].key)
            values = {"verdict": "no", "reason": ruling.reason, "detail": ruling.detail, "eligible_at": None}
            for verdict in self._verdicts:
                if verdict["event_id"] == event_id and verdict["verdict"] == "deferred":
                    verdict.update(values)
            self.session.execute(
                update(DecisionRow)
                .where(col(DecisionRow.event_id) == event_id, col(DecisionRow.verdict) == "deferred")
                .values(**values)
                .execution_options(synchronize_session=False)
            )


def _decided_before(statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert
    names = ("survey", "contact_id", "verdict", "reason", "detail", "decided_at", "eligible_at")
    changed = {name: getattr(statement.excluded, name) for name in names}
    return statement.on_conflict_do_update(index_elements=["event_id", "trigger"], set_=changed)
