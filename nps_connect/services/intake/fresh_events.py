"""Straight through: what a webhook tells is looked up and decided on as soon as it is parsed.

Such events are written once, beside their decisions, instead of being stored, claimed, read and settled: half the work.
It is only done where it makes no difference: while older events wait or decisions are paused, and whenever something
goes wrong, the events are stored and wait in their queue.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlmodel import Session, col

from nps_connect.ledger import claims, pauses
from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.tables import EventRow
from nps_connect.records.events import CONTACT_EVENT_KINDS, Event
from nps_connect.services.contacts.contact_batch import single_contact, upsert_contacts
from nps_connect.services.contacts.event_subjects import record_contact_keys
from nps_connect.services.context import Context, decide_queue
from nps_connect.services.decisions.claim_events import ClaimedEvent
from nps_connect.services.decisions.complete_events import complete_events
from nps_connect.services.decisions.decide_batch import DecisionBatch
from nps_connect.services.decisions.event_retry import retry_values
from nps_connect.services.intake.store_events import build_kind_filter, insert_events
from nps_connect.services.suppressions.erasure import redact_event_record

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FreshEvents:
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
        """Store the events that are still new, and decide on them; gives their keys, and the queues with work.

        Raises:
            ReservationConflict: another worker was quicker; nothing of the transaction may be kept.
        """
        if self.failure is not None:
            ids = self._store(session, self._after(self.failure))
            record_contact_keys(
                session, self.connection, [(ids[one.key], one) for one in self.events if one.key in ids]
            )
            return set(ids), set()
        ctx = self.ctx
        mine = [event for event in self.events if event.key in self.heard]
        contacts = upsert_contacts(session, [one for event in mine for one in event.contacts], ctx.clock())

        def about(event: Event) -> Mapping[str, Any]:
            key = single_contact(event.contacts) if event.key in self.heard else None
            if key is None:
                return {"state": "succeeded", "contact_id": None}
            erased = {"record": redact_event_record(event.model_dump(mode="json"))} if contacts[key].erased else {}
            return {"state": "succeeded", "contact_id": contacts[key].id, **erased}

        ids, now = self._store(session, about), ctx.clock()
        unheard = [event for event in self.events if event.key not in self.heard]
        record_contact_keys(
            session, self.connection, [(ids[event.key], event) for event in unheard if event.key in ids]
        )
        taken = [
            (ClaimedEvent(ids[event.key], self.connection, event.key, now, 0, event), event)
            for event in mine
            if event.key in ids
        ]
        sitting = DecisionBatch(ctx, session)
        queues = sitting.decide(taken, contacts, fresh=True)
        if sitting.again:
            again = [{"of_id": event_id, "again": due} for event_id, due in sitting.again.items()]
            session.connection().execute(_DEFER_EVENTS, again)
        return set(ids), queues

    def _store(self, session: Session, about: Any) -> dict[str, int]:  # noqa: ANN401  # what `store` takes
        return insert_events(self.ctx, session, self.connection, self.events, source="webhook", extra_columns=about)

    def _after(self, failure: Exception) -> Any:  # noqa: ANN401
        done = {"state": "succeeded", "last_error": None, "started_at": None}
        return lambda event: retry_values(self.ctx, 0, failure) if event.key in self.heard else done


def prepare_fresh_events(ctx: Context, connection: str, told: Sequence[Event]) -> FreshEvents | None:
    """Look events up that have just been told, each once and in order; none if they have to wait."""
    with ctx.ledger.read() as session:
        if not _can_bypass_queue(ctx, session, connection):
            return None
        known = set(
            session.execute(_SELECT_STORED_KEYS, {"of": connection, "keys": [event.key for event in told]}).scalars()
        )
    fresh = [event for event in told if event.key not in known]
    if any(event.kind in CONTACT_EVENT_KINDS for event in fresh):
        return None
    hears = build_kind_filter(ctx, connection)
    heard = [event for event in fresh if hears(event.kind)]
    keys = frozenset(event.key for event in heard)
    ctx.leases.progress()
    try:
        completed = {event.key: event for event in complete_events(ctx, connection, heard)}
    except Exception as error:  # noqa: BLE001  # DeliveryError, or a plugin's bug: tried again by the intake plan
        log.warning("events wait connection=%s count=%d: %s", connection, len(heard), type(error).__name__)
        return FreshEvents(ctx, connection, fresh, keys, error)
    return FreshEvents(ctx, connection, [completed.get(event.key, event) for event in fresh], keys)


def _can_bypass_queue(ctx: Context, session: Session, connection: str) -> bool:
    """Whether nothing waits before new events, and nobody has stopped the decisions."""
    queue_name = decide_queue(connection)
    due = claims.next_due(session, EventRow, queue_name)
    stopped = pauses.queue_scope(connection, "decide") in pauses.load_paused_scopes(session)
    return not stopped and (due is None or due > ctx.clock())


_SELECT_STORED_KEYS = select(col(EventRow.key)).where(
    col(EventRow.connection) == bindparam("of"), in_list(col(EventRow.key), "keys")
)
_EVENTS_TABLE = EventRow.__table__  # type: ignore[attr-defined]
_DEFER_EVENTS = (
    update(_EVENTS_TABLE)
    .where(_EVENTS_TABLE.c.id == bindparam("of_id"))
    .values(state="pending", due_at=bindparam("again", type_=_EVENTS_TABLE.c.due_at.type))
)
