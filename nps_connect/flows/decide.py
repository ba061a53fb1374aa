"""Decide: every trigger that listens to an event leaves a verdict with its reason."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.flows.complete import complete
from nps_connect.flows.context import Context, decide_lane
from nps_connect.flows.housekeeping import keep_house
from nps_connect.flows.invite import invite, last_invited, sent_on_day_of
from nps_connect.flows.parse import HOUSEKEEPING
from nps_connect.flows.people import history_of, remember, suppressed
from nps_connect.flows.postponing import postpone
from nps_connect.flows.proposing import proposed, vetoed
from nps_connect.ledger import claims
from nps_connect.ledger.tables import ContactRow, DecisionRow, EventRow
from nps_connect.ledger.upserts import insert_for
from nps_connect.records.events import Event
from nps_connect.rules.deciding import Facts, Ruling, rule
from nps_connect.settings.model import Trigger

log = logging.getLogger(__name__)

BATCH = 100


def drain_decide(ctx: Context, connection: str) -> int:
    """Decide on a batch of events of one connection; returns how many were worked off."""
    token = ctx.token()
    with ctx.ledger.write() as session:
        rows = claims.claim(session, EventRow, decide_lane(connection), token=token, now=ctx.clock(), limit=BATCH)
    if not rows:
        return 0
    try:
        events = complete(ctx, connection, [Event.model_validate(row.record) for row in rows])
    except Exception as error:  # noqa: BLE001  # DeliveryError, or a plugin's bug: tried again by the intake plan, then visible
        log.warning("events wait connection=%s count=%d: %s", connection, len(rows), type(error).__name__)
        postpone(ctx, EventRow, rows, token, error)
        return len(rows)
    lanes: set[str] = set()
    with ctx.ledger.write() as session:
        for row, event in zip(rows, events, strict=True):
            again = _decide(ctx, session, row, event, lanes)
            values: dict[str, Any] = {"state": "succeeded", "record": event.model_dump(mode="json")}
            if again is not None:
                values |= {"state": "pending", "due_at": again}
            claims.settle(session, EventRow, row.id or 0, token=token, values=values)
    for lane in lanes:
        ctx.wake(lane)
    return len(rows)


def _decide(ctx: Context, session: Session, row: EventRow, event: Event, lanes: set[str]) -> datetime | None:
    """Rule all triggers on one event; returns when to decide again (deferred), or none."""
    if event.kind in HOUSEKEEPING:
        keep_house(ctx, session, row.connection, event)
    contacts = [remember(session, contact, ctx.clock()) for contact in event.contacts]
    contact = contacts[0] if len(contacts) == 1 else None
    verdicts = {
        decision.trigger: decision.verdict
        for decision in session.execute(select(DecisionRow).where(col(DecisionRow.event_id) == row.id)).scalars()
    }
    again = []
    for trigger in _listening(ctx, session, row, event, contact):
        before = verdicts.get(trigger.label)
        if before in ("yes", "no"):
            continue
        seen_at = row.received_at if before == "deferred" else None
        ruling = _rule(ctx, session, trigger, event, contact, seen_at)
        if ruling.verdict == "yes" and contact is not None:
            ruling = invite(ctx, session, row, contact, trigger, ruling, lanes)
        _write_down(ctx, session, row, trigger, contact, ruling)
        if ruling.verdict == "deferred" and ruling.eligible_at is not None:
            again.append(ruling.eligible_at)
    return min(again, default=None)


def _listening(
    ctx: Context, session: Session, row: EventRow, event: Event, contact: ContactRow | None
) -> Sequence[Trigger]:
    configured = [
        trigger for trigger in ctx.settings.triggers if trigger.source == row.connection and trigger.on == event.kind
    ]
    return [*configured, *proposed(ctx, session, row.connection, event, contact)]


def _rule(
    ctx: Context,
    session: Session,
    trigger: Trigger,
    event: Event,
    contact: ContactRow | None,
    seen_at: datetime | None,
) -> Ruling:
    now = ctx.clock()
    facts: dict[str, Any] = {"suppressed": None, "history": None, "vetoed": None}
    if contact is not None:
        facts["suppressed"] = suppressed(session, contact)
        facts["history"] = history_of(session, contact, last_invited(session, contact))
        facts["vetoed"] = vetoed(ctx, event, contact, trigger)
    return rule(
        Facts(
            trigger=trigger,
            event=event,
            now=now,
            limits=ctx.settings.limits,
            filter=ctx.filters.get(trigger.label),
            contacts=event.contacts,
            sent_today=sent_on_day_of(ctx, session, max(now, event.occurred_at + trigger.delay)),
            seen_at=seen_at,
            zone=ctx.settings.core.zone,
            **facts,
        )
    )


def _write_down(
    ctx: Context, session: Session, row: EventRow, trigger: Trigger, contact: ContactRow | None, ruling: Ruling
) -> None:
    values = {
        "survey": trigger.survey,
        "contact_id": contact.id if contact else None,
        "verdict": ruling.verdict,
        "reason": ruling.reason,
        "detail": ruling.detail,
        "decided_at": ctx.clock(),
        "eligible_at": ruling.eligible_at,
    }
    session.execute(
        insert_for(session, DecisionRow)
        .values(event_id=row.id, trigger=trigger.label, **values)
        .on_conflict_do_update(index_elements=["event_id", "trigger"], set_=values)
    )
