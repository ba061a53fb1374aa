"""Decide: every trigger that listens to an event leaves a verdict with its reason."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import select, update
from sqlmodel import Session, col

from nps_connect.flows.bookkeeping import books_of
from nps_connect.flows.complete import complete
from nps_connect.flows.context import Context
from nps_connect.flows.forgetting import bare_record
from nps_connect.flows.gathering import Known, people_of, remember_all, the_one
from nps_connect.flows.housekeeping import forget_again, keep_house
from nps_connect.flows.invite import Raced, Yes, invite_all
from nps_connect.flows.listening import Bench
from nps_connect.flows.naming import note_candidates, note_named
from nps_connect.flows.noticing import notice_stops
from nps_connect.flows.parse import HOUSEKEEPING
from nps_connect.flows.postponing import postpone
from nps_connect.flows.recovery import close_loop
from nps_connect.flows.taking import Taken, take
from nps_connect.ledger import claims
from nps_connect.ledger.many import one_of
from nps_connect.ledger.tables import ContactRow, DecisionRow, EventRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.events import Event
from nps_connect.rules.deciding import Ruling, superseded
from nps_connect.rules.judging import Books, Case, Person
from nps_connect.settings.model import Trigger

log = logging.getLogger(__name__)

BATCH = 500
RACES = 5


def drain_decide(ctx: Context, connection: str, limit: int = BATCH) -> int:
    """Decide on at most `limit` events of one connection; returns how many were worked off."""
    token = ctx.token()
    taken = take(ctx, connection, token, limit)
    if not taken:
        return 0
    try:
        events = complete(ctx, connection, [one.event for one in taken])
    except Exception as error:  # noqa: BLE001  # DeliveryError, or a plugin's bug: tried again by the intake plan, then visible
        log.warning("events wait connection=%s count=%d: %s", connection, len(taken), type(error).__name__)
        postpone(ctx, EventRow, taken, token, error)
        with ctx.ledger.write() as session:
            note_named(session, connection, [(one.id, one.event) for one in taken])
        return len(taken)
    for lane in _decide(ctx, list(zip(taken, events, strict=True)), token):
        ctx.wake(lane)
    return len(taken)


def _decide(ctx: Context, batch: Sequence[tuple[Taken, Event]], token: str) -> set[str]:
    """Decide and write everything down; again if another worker was quicker somewhere. Returns the lanes with work.

    A batch that loses every race is given back, still to be decided.
    """
    for races in range(RACES):
        try:
            with ctx.ledger.write() as session:
                return _Sitting(ctx, session, token).hold(batch)
        except Raced:
            log.info("decided again: a cooldown was taken meanwhile race=%d", races + 1)
    with ctx.ledger.write() as session:  # to be claimed again at once, by whoever comes first
        claims.release(session, EventRow, [row.id for row, _ in batch], token=token)
    return set()


@dataclass
class _Sitting:
    """One transaction in which a batch is decided."""

    ctx: Context
    session: Session
    token: str
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    yeses: list[Yes] = field(default_factory=list)
    settled: dict[int, dict[str, Any]] = field(default_factory=dict)

    def hold(self, batch: Sequence[tuple[Taken, Event]]) -> set[str]:
        """Decide on the events of the batch that are still ours, in order."""
        ctx, session, now = self.ctx, self.session, self.ctx.clock()
        ours = claims.held(session, EventRow, [row.id for row, _ in batch], token=self.token)
        mine = [(row, event) for row, event in batch if row.id in ours]
        for row, event in mine:
            if event.kind in HOUSEKEEPING:
                keep_house(ctx, session, row.connection, event)
        closing = {lane for row, event in mine for lane in close_loop(ctx, session, row, event)}
        contacts = remember_all(session, [one for _, event in mine for one in event.contacts], now)
        single = {key for _, event in mine if (key := the_one(event.contacts))}
        bench = Bench(ctx)
        mailboxes = {contacts[key].id: contacts[key].mailbox for key in single}
        people = people_of(session, mailboxes, past=bench.asks_about_the_past)
        books = books_of(ctx, session, people.values())
        before = self._before([row.id for row, _ in mine])
        for row, event in bench.in_order(mine[0][0].connection, mine, itemgetter(1)) if mine else ():
            key = the_one(event.contacts)
            contact = contacts[key] if key else None
            person = people[contact.id] if contact else None
            case = Case(event, event.contacts, person, now, row.received_at, before.get(row.id, {}))
            self._note(row, event, contact, person, bench.rule(row.connection, case, books))
        self._replace(books)
        nobody = [(row.id, event) for row, event in mine if not the_one(event.contacts)]
        if nobody:
            note_candidates(session, mine[0][0].connection, nobody, contacts)
        lanes = closing | invite_all(ctx, session, self.yeses)
        self._write()
        lanes |= notice_stops(ctx, session, self.verdicts)
        claims.write_each(session, EventRow, self.settled, token=self.token)
        for row, event in mine:
            if event.kind == "contact.privacy_deleted":
                forget_again(session, row.connection, event.object_id)
        return lanes

    def _before(self, event_ids: list[int]) -> dict[int, dict[str, str]]:
        query = select(col(DecisionRow.event_id), col(DecisionRow.trigger), col(DecisionRow.verdict))
        found: dict[int, dict[str, str]] = defaultdict(dict)
        query = query.where(one_of(col(DecisionRow.event_id), "ids"))
        for event_id, trigger, verdict in self.session.execute(query, {"ids": event_ids}):
            found[event_id][trigger] = verdict
        return found

    def _note(
        self,
        row: Taken,
        event: Event,
        contact: Known | None,
        person: Person | None,
        rulings: Sequence[tuple[Trigger, Ruling]],
    ) -> None:
        now = self.ctx.clock()
        again: list[datetime] = []
        for trigger, ruling in rulings:
            self.verdicts.append(
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
                self.yeses.append(Yes(row, contact, person, trigger, ruling))
            if ruling.verdict == "deferred" and ruling.eligible_at is not None:
                again.append(ruling.eligible_at)
        values: dict[str, Any] = {"state": "pending", "due_at": min(again)} if again else {"state": "succeeded"}
        if event is not row.event:
            values["record"] = event.model_dump(mode="json")
        if contact is not None:
            values["contact_id"] = contact.id
            if contact.erased:
                values["record"] = bare_record(event.model_dump(mode="json"))
        elif event.kind in HOUSEKEEPING:
            values["contact_id"] = self._housekept(row, event)
        self.settled[row.id] = values

    def _housekept(self, row: Taken, event: Event) -> int | None:
        return self.session.execute(
            select(col(ContactRow.id)).where(
                col(ContactRow.connection) == row.connection, col(ContactRow.vendor_id) == event.object_id
            )
        ).scalar()

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
            for verdict in self.verdicts:
                if verdict["event_id"] == event_id and verdict["verdict"] == "deferred":
                    verdict.update(values)
            self.session.execute(
                update(DecisionRow)
                .where(col(DecisionRow.event_id) == event_id, col(DecisionRow.verdict) == "deferred")
                .values(**values)
                .execution_options(synchronize_session=False)
            )

    def _write(self) -> None:
        if not self.verdicts:
            return
        insert_many(self.session, DecisionRow, self.verdicts, clash=_decided_before)


def _decided_before(statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert
    names = ("survey", "contact_id", "verdict", "reason", "detail", "decided_at", "eligible_at")
    changed = {name: getattr(statement.excluded, name) for name in names}
    return statement.on_conflict_do_update(index_elements=["event_id", "trigger"], set_=changed)
