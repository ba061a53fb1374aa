"""Straight through: what a webhook tells is looked up and decided on as soon as it is parsed.

Such events are written once, beside their decisions, instead of being stored, claimed, read and settled: half the work.
It is only done where it makes no difference: while older events wait or decisions are paused, and whenever something
goes wrong, the events are stored and wait in their lane.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlmodel import Session, col

from nps_connect.flows.contacts.forgetting import bare_record
from nps_connect.flows.context import Context, decide_lane
from nps_connect.flows.deciding.gathering import remember_all, the_one
from nps_connect.flows.deciding.sitting import Sitting
from nps_connect.flows.deciding.taking import Taken
from nps_connect.flows.intake.complete import complete
from nps_connect.flows.intake.naming import note_named
from nps_connect.flows.intake.postponing import postponed
from nps_connect.flows.intake.storing import HOUSEKEEPING, listened, store
from nps_connect.ledger import claims, pauses
from nps_connect.ledger.many import one_of
from nps_connect.ledger.tables import EventRow
from nps_connect.records.events import Event

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Straight:
    """New events of one connection that need not wait.

    Attributes:
        ctx: the joined parts.
        connection: whose events they are.
        events: in the order in which they happened; those that somebody listens to completed.
        heard: the keys of those.
        failure: why they could not be completed now, or none.
    """

    ctx: Context
    connection: str
    events: Sequence[Event]
    heard: frozenset[str]
    failure: Exception | None = None

    def settle(self, session: Session) -> tuple[set[str], set[str]]:
        """Store the events that are still new, and decide on them; gives their keys, and the lanes with work.

        Raises:
            Raced: another worker was quicker; nothing of the transaction may be kept.
        """
        if self.failure is not None:
            ids = self._store(session, self._after(self.failure))
            note_named(session, self.connection, [(ids[one.key], one) for one in self.events if one.key in ids])
            return set(ids), set()
        ctx = self.ctx
        mine = [event for event in self.events if event.key in self.heard]
        contacts = remember_all(session, [one for event in mine for one in event.contacts], ctx.clock())

        def about(event: Event) -> Mapping[str, Any]:
            key = the_one(event.contacts) if event.key in self.heard else None
            if key is None:
                return {"state": "succeeded", "contact_id": None}
            erased = {"record": bare_record(event.model_dump(mode="json"))} if contacts[key].erased else {}
            return {"state": "succeeded", "contact_id": contacts[key].id, **erased}

        ids, now = self._store(session, about), ctx.clock()
        unheard = [event for event in self.events if event.key not in self.heard]
        note_named(session, self.connection, [(ids[event.key], event) for event in unheard if event.key in ids])
        taken = [
            (Taken(ids[event.key], self.connection, event.key, now, 0, event), event)
            for event in mine
            if event.key in ids
        ]
        sitting = Sitting(ctx, session)
        lanes = sitting.judge(taken, contacts, fresh=True)
        if sitting.again:
            again = [{"of_id": event_id, "again": due} for event_id, due in sitting.again.items()]
            session.connection().execute(_AGAIN, again)
        return set(ids), lanes

    def _store(self, session: Session, about: Any) -> dict[str, int]:  # noqa: ANN401  # what `store` takes
        return store(self.ctx, session, self.connection, self.events, source="webhook", different=about)

    def _after(self, failure: Exception) -> Any:  # noqa: ANN401
        done = {"state": "succeeded", "last_error": None, "started_at": None}
        return lambda event: postponed(self.ctx, 0, failure) if event.key in self.heard else done


def straight(ctx: Context, connection: str, told: Sequence[Event]) -> Straight | None:
    """Look events up that have just been told, each once and in order; none if they have to wait."""
    with ctx.ledger.read() as session:
        if not _free(ctx, session, connection):
            return None
        known = set(session.execute(_KNOWN, {"of": connection, "keys": [event.key for event in told]}).scalars())
    fresh = [event for event in told if event.key not in known]
    if any(event.kind in HOUSEKEEPING for event in fresh):
        return None
    hears = listened(ctx, connection)
    heard = [event for event in fresh if hears(event.kind)]
    keys = frozenset(event.key for event in heard)
    ctx.leases.progress()
    try:
        completed = {event.key: event for event in complete(ctx, connection, heard)}
    except Exception as error:  # noqa: BLE001  # DeliveryError, or a plugin's bug: tried again by the intake plan
        log.warning("events wait connection=%s count=%d: %s", connection, len(heard), type(error).__name__)
        return Straight(ctx, connection, fresh, keys, error)
    return Straight(ctx, connection, [completed.get(event.key, event) for event in fresh], keys)


def _free(ctx: Context, session: Session, connection: str) -> bool:
    """Whether nothing waits before new events, and nobody has stopped the decisions."""
    lane = decide_lane(connection)
    due = claims.next_due(session, EventRow, lane)
    stopped = pauses.of_lane(connection, "decide") in pauses.stopped(session)
    return not stopped and (due is None or due > ctx.clock())


_KNOWN = select(col(EventRow.key)).where(col(EventRow.connection) == bindparam("of"), one_of(col(EventRow.key), "keys"))
_BARE = EventRow.__table__  # type: ignore[attr-defined]
_AGAIN = (
    update(_BARE)
    .where(_BARE.c.id == bindparam("of_id"))
    .values(state="pending", due_at=bindparam("again", type_=_BARE.c.due_at.type))
)
