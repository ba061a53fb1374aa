"""Decide: every trigger that listens to an event leaves a verdict with its reason.

Here are the events that wait in the queue; those that need not wait go `prepare_fresh_events`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger import claims
from nps_connect.ledger.tables import ContactRow, EventRow
from nps_connect.records.events import CONTACT_EVENT_KINDS, Event
from nps_connect.services.contacts.contact_batch import ContactRef, StoredContact, single_contact, upsert_contacts
from nps_connect.services.contacts.event_subjects import record_contact_keys
from nps_connect.services.context import Context
from nps_connect.services.decisions.claim_events import ClaimedEvent, claim_events
from nps_connect.services.decisions.complete_events import complete_events
from nps_connect.services.decisions.decide_batch import DecisionBatch
from nps_connect.services.decisions.event_retry import schedule_retries
from nps_connect.services.invitations.invite import ReservationConflict
from nps_connect.services.suppressions.erasure import redact_event_record
from nps_connect.services.suppressions.lifecycle import apply_contact_event, reapply_erasure

log = logging.getLogger(__name__)

EVENT_BATCH = 500
MAX_CONFLICT_RETRIES = 5


def drain_events(ctx: Context, connection: str, limit: int = EVENT_BATCH) -> int:
    """Decide on at most `limit` events of one connection; returns how many were worked off."""
    token = ctx.token()
    taken = claim_events(ctx, connection, token, limit)
    if not taken:
        return 0
    try:
        events = complete_events(ctx, connection, [one.event for one in taken])
    except Exception as error:  # noqa: BLE001  # DeliveryError, or a plugin's bug: tried again by the intake plan, then visible
        log.warning("events wait connection=%s count=%d: %s", connection, len(taken), type(error).__name__)
        schedule_retries(ctx, EventRow, taken, token, error)
        with ctx.ledger.write() as session:
            record_contact_keys(session, connection, [(one.id, one.event) for one in taken])
        return len(taken)
    for queue_name in _decide(ctx, list(zip(taken, events, strict=True)), token):
        ctx.wake(queue_name)
    return len(taken)


def _decide(ctx: Context, batch: Sequence[tuple[ClaimedEvent, Event]], token: str) -> set[str]:
    """Decide and write everything down; again if another worker was quicker somewhere. Returns the queues with work.

    A batch that loses every race is given back, still to be decided.
    """
    for races in range(MAX_CONFLICT_RETRIES):
        try:
            with ctx.ledger.write() as session:
                return _decide_claimed(ctx, session, batch, token)
        except ReservationConflict:
            log.info("decided again: a cooldown was taken meanwhile race=%d", races + 1)
    with ctx.ledger.write() as session:  # to be claimed again at once, by whoever comes first
        claims.release(session, EventRow, [row.id for row, _ in batch], token=token)
    return set()


def _decide_claimed(
    ctx: Context, session: Session, batch: Sequence[tuple[ClaimedEvent, Event]], token: str
) -> set[str]:
    """Decide on the events of the batch that are still ours, in order, and settle them."""
    ours = claims.lock_held(session, EventRow, [row.id for row, _ in batch], token=token)
    mine = [(row, event) for row, event in batch if row.id in ours]
    for row, event in mine:
        if event.kind in CONTACT_EVENT_KINDS:
            apply_contact_event(ctx, session, row.connection, event)
    contacts = upsert_contacts(session, [one for _, event in mine for one in event.contacts], ctx.clock())
    sitting = DecisionBatch(ctx, session)
    queues = sitting.decide(mine, contacts, fresh=False)
    settled = {row.id: _settle_values(session, row, event, contacts, sitting) for row, event in mine}
    claims.settle_each(session, EventRow, settled, token=token)
    for row, event in mine:
        if event.kind == "contact.privacy_deleted":
            reapply_erasure(session, row.connection, event.object_id)
    return queues


def _settle_values(
    session: Session, row: ClaimedEvent, event: Event, contacts: dict[ContactRef, StoredContact], sitting: DecisionBatch
) -> dict[str, Any]:
    """What is written down of an event that was decided on."""
    again = sitting.again.get(row.id)
    values: dict[str, Any] = {"state": "pending", "due_at": again} if again else {"state": "succeeded"}
    if event is not row.event:
        values["record"] = event.model_dump(mode="json")
    key = single_contact(event.contacts)
    if key is not None:
        values["contact_id"] = contacts[key].id
        if contacts[key].erased:
            values["record"] = redact_event_record(event.model_dump(mode="json"))
    elif event.kind in CONTACT_EVENT_KINDS:
        values["contact_id"] = _contact_id_of(session, row, event)
    return values


def _contact_id_of(session: Session, row: ClaimedEvent, event: Event) -> int | None:
    return session.execute(
        select(col(ContactRow.id)).where(
            col(ContactRow.connection) == row.connection, col(ContactRow.vendor_id) == event.object_id
        )
    ).scalar()
