"""Decide events that wait in the queue of a connection."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from nps_connect.ledger import claims
from nps_connect.ledger.tables import EventRow
from nps_connect.records.events import Event
from nps_connect.services.contacts.event_subjects import record_event_keys
from nps_connect.services.context import Context
from nps_connect.services.decisions.claim_events import StoredEvent, claim_events, complete_events, schedule_retries
from nps_connect.services.decisions.decide_batch import SavedColumns, decide_batch
from nps_connect.services.invitations.invite import ReservationConflict

log = logging.getLogger(__name__)

EVENT_BATCH = 500
MAX_CONFLICT_RETRIES = 5


@dataclass(frozen=True)
class ClaimedEvents:
    """Claimed events of one connection, as a feeder of `decide_batch`.

    Attributes:
        connection: whose events they are.
        token: of the claim.
        claimed: the events as they are stored.
        completed: the same events after completion.
    """

    connection: str
    token: str
    claimed: Sequence[StoredEvent]
    completed: Sequence[Event]

    def lock(self, session: Session) -> list[Event]:
        """Lock the rows whose lease is still held and return their completed events."""
        held = claims.lock_held(session, EventRow, [stored.id for stored in self.claimed], token=self.token)
        return [event for stored, event in self._pairs() if stored.id in held]

    def save(self, session: Session, columns: Mapping[str, SavedColumns]) -> list[StoredEvent]:
        """Settle the rows and return them with their completed events."""
        stored = [(stored, event) for stored, event in self._pairs() if event.key in columns]
        values = {row.id: _settled_values(row, columns[event.key]) for row, event in stored}
        claims.settle_many(session, EventRow, values, token=self.token)
        return [row._replace(event=event) for row, event in stored]

    def _pairs(self) -> zip[tuple[StoredEvent, Event]]:
        return zip(self.claimed, self.completed, strict=True)


def _settled_values(stored: StoredEvent, columns: SavedColumns) -> dict[str, Any]:
    values: dict[str, Any] = {"state": "succeeded"}
    if columns.contact_id is not None:
        values["contact_id"] = columns.contact_id
    if isinstance(columns.record, dict):
        values["record"] = columns.record
    elif columns.record is not stored.event:
        values["record"] = columns.record.model_dump(mode="json")
    return values


def drain_events(ctx: Context, connection: str, limit: int = EVENT_BATCH) -> int:
    """Decide at most `limit` events of one connection; return how many were claimed."""
    token = ctx.token()
    claimed = claim_events(ctx, connection, token, limit)
    if not claimed:
        return 0
    try:
        completed = complete_events(ctx, connection, [stored.event for stored in claimed])
    except Exception as error:  # noqa: BLE001  # DeliveryError or a plugin's bug: retried by the intake plan
        log.warning("events_deferred connection=%s events=%d error=%s", connection, len(claimed), type(error).__name__)
        schedule_retries(ctx, EventRow, claimed, token, error)
        with ctx.ledger.write() as session:
            record_event_keys(session, connection, [(stored.id, stored.event) for stored in claimed])
        return len(claimed)
    for queue_name in _decide_with_retries(ctx, ClaimedEvents(connection, token, claimed, completed)):
        ctx.wake(queue_name)
    return len(claimed)


def _decide_with_retries(ctx: Context, batch: ClaimedEvents) -> set[str]:
    """Decide the batch, anew after a conflict with another worker; return the queues with new work.

    After `MAX_CONFLICT_RETRIES` conflicts the claim is released: the events stay pending for any worker.
    """
    for conflicts in range(MAX_CONFLICT_RETRIES):
        try:
            with ctx.ledger.write() as session:
                return decide_batch(ctx, session, batch)
        except ReservationConflict:
            log.info("decisions_retried connection=%s conflicts=%d", batch.connection, conflicts + 1)
    with ctx.ledger.write() as session:
        claims.release(session, EventRow, [stored.id for stored in batch.claimed], token=batch.token)
    return set()
