"""Decide events that wait in the queue of a connection."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from nps_connect.ledger import claims
from nps_connect.ledger.tables import EventRow
from nps_connect.records.events import Event
from nps_connect.services.contacts.event_subjects import record_event_keys
from nps_connect.services.context import Context
from nps_connect.services.decisions.claim_events import claim_events, schedule_retries
from nps_connect.services.decisions.decide_batch import SavedColumns, complete_events, decide_batch, prepare_events
from nps_connect.services.decisions.trigger_evaluator import StoredEvent
from nps_connect.services.invitations.invite import ReservationConflict
from nps_connect.services.suppressions.erasure import erase_from_requests

log = logging.getLogger(__name__)

EVENT_BATCH = 500
MAX_CONFLICT_RETRIES = 5


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
    for queue_name in _decide_with_retries(ctx, connection, token, list(zip(claimed, completed, strict=True))):
        ctx.wake(queue_name)
    return len(claimed)


def _decide_with_retries(
    ctx: Context, connection: str, token: str, claimed: Sequence[tuple[StoredEvent, Event]]
) -> set[str]:
    """Decide claimed events, again after a conflict with another worker; return the queues with new work.

    After `MAX_CONFLICT_RETRIES` conflicts the claim is released: the events stay pending for any worker.

    Args:
        ctx: the joined parts.
        connection: of the events.
        token: of the claim.
        claimed: each event as stored and as completed.
    """
    for conflicts in range(MAX_CONFLICT_RETRIES):
        try:
            with ctx.ledger.write() as session:
                return _settle_and_decide(ctx, session, connection, token, claimed)
        except ReservationConflict:
            log.info("decisions_retried connection=%s conflicts=%d", connection, conflicts + 1)
    with ctx.ledger.write() as session:
        claims.release(session, EventRow, [stored.id for stored, _ in claimed], token=token)
    return set()


def _settle_and_decide(
    ctx: Context, session: Session, connection: str, token: str, claimed: Sequence[tuple[StoredEvent, Event]]
) -> set[str]:
    held_ids = claims.lock_held(session, EventRow, [stored.id for stored, _ in claimed], token=token)
    held = [(stored, event) for stored, event in claimed if stored.id in held_ids]
    prepared = prepare_events(ctx, session, connection, [event for _, event in held])
    values = {stored.id: _settled_values(stored, prepared.columns[event.key]) for stored, event in held}
    claims.settle_many(session, EventRow, values, token=token)
    if prepared.erased:
        erase_from_requests(ctx, session, connection, prepared.erased.values())
    completed = [stored._replace(event=event) for stored, event in held]
    return decide_batch(ctx, session, connection, completed, prepared)


def _settled_values(stored: StoredEvent, columns: SavedColumns) -> dict[str, Any]:
    values: dict[str, Any] = {"state": "succeeded"}
    if columns.contact_id is not None:
        values["contact_id"] = columns.contact_id
    if columns.record is not stored.event:
        values["record"] = columns.record.model_dump(mode="json")
    return values
