"""Decide: every trigger that listens to an event leaves a verdict with its reason.

Here are the events that wait in the lane; those that need not wait go `straight`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.flows.contacts.forgetting import bare_record
from nps_connect.flows.context import Context
from nps_connect.flows.deciding.gathering import Key, Known, remember_all, the_one
from nps_connect.flows.deciding.sitting import Sitting
from nps_connect.flows.deciding.taking import Taken, take
from nps_connect.flows.intake.complete import complete
from nps_connect.flows.intake.housekeeping import forget_again, keep_house
from nps_connect.flows.intake.naming import note_named
from nps_connect.flows.intake.postponing import postpone
from nps_connect.flows.intake.storing import HOUSEKEEPING
from nps_connect.flows.inviting.invite import Raced
from nps_connect.ledger import claims
from nps_connect.ledger.tables import ContactRow, EventRow
from nps_connect.records.events import Event

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
                return _hold(ctx, session, batch, token)
        except Raced:
            log.info("decided again: a cooldown was taken meanwhile race=%d", races + 1)
    with ctx.ledger.write() as session:  # to be claimed again at once, by whoever comes first
        claims.release(session, EventRow, [row.id for row, _ in batch], token=token)
    return set()


def _hold(ctx: Context, session: Session, batch: Sequence[tuple[Taken, Event]], token: str) -> set[str]:
    """Decide on the events of the batch that are still ours, in order, and settle them."""
    ours = claims.held(session, EventRow, [row.id for row, _ in batch], token=token)
    mine = [(row, event) for row, event in batch if row.id in ours]
    for row, event in mine:
        if event.kind in HOUSEKEEPING:
            keep_house(ctx, session, row.connection, event)
    contacts = remember_all(session, [one for _, event in mine for one in event.contacts], ctx.clock())
    sitting = Sitting(ctx, session)
    lanes = sitting.judge(mine, contacts, fresh=False)
    settled = {row.id: _settled(session, row, event, contacts, sitting) for row, event in mine}
    claims.write_each(session, EventRow, settled, token=token)
    for row, event in mine:
        if event.kind == "contact.privacy_deleted":
            forget_again(session, row.connection, event.object_id)
    return lanes


def _settled(
    session: Session, row: Taken, event: Event, contacts: dict[Key, Known], sitting: Sitting
) -> dict[str, Any]:
    """What is written down of an event that was decided on."""
    again = sitting.again.get(row.id)
    values: dict[str, Any] = {"state": "pending", "due_at": again} if again else {"state": "succeeded"}
    if event is not row.event:
        values["record"] = event.model_dump(mode="json")
    key = the_one(event.contacts)
    if key is not None:
        values["contact_id"] = contacts[key].id
        if contacts[key].erased:
            values["record"] = bare_record(event.model_dump(mode="json"))
    elif event.kind in HOUSEKEEPING:
        values["contact_id"] = _housekept(session, row, event)
    return values


def _housekept(session: Session, row: Taken, event: Event) -> int | None:
    return session.execute(
        select(col(ContactRow.id)).where(
            col(ContactRow.connection) == row.connection, col(ContactRow.vendor_id) == event.object_id
        )
    ).scalar()
