"""Overdue: staff are told, once, that the answer promised to a detractor is late."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlmodel import Session, col

from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.tables import DeliveryRow, ResponseRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.events import SOLVED_KINDS
from nps_connect.records.responses import ContactResponse
from nps_connect.rendering import staff_texts
from nps_connect.rendering.models import RenderedText
from nps_connect.rules.routing import delivery_key
from nps_connect.services.context import Context, delivery_queue

log = logging.getLogger(__name__)

OVERDUE_OPTION = "overdue"
"""Value of the option `case` of such an alert."""

BATCH_SIZE = 200
MAX_OVERDUE_AGE = timedelta(days=30)
"""A deadline that passed so long ago is history: nobody is alarmed by the first start after a long rest."""


def enqueue_overdue_alerts(ctx: Context) -> int:
    """Plan an alert for every open case whose deadline has passed; returns for how many.

    It goes where the detractor's own alert went, else by mail to the fallback address. Cases at a helpdesk that tells
    nothing of solved tickets are left alone: nobody could know whether they are still open.
    """
    helpdesks = [name for name in ctx.connections if _reports_solved_tickets(ctx, name)]
    if ctx.shadow or not ctx.settings.cases.alert_when_overdue or not helpdesks:
        return 0
    now, planned, queues = ctx.clock(), 0, set()
    with ctx.ledger.write() as session:
        late = select(CaseRow).where(
            col(CaseRow.state) == "open",
            col(CaseRow.deadline) <= now,
            col(CaseRow.deadline) > now - MAX_OVERDUE_AGE,
            col(CaseRow.overdue_notified_at).is_(None),
            col(CaseRow.connection).in_(helpdesks),
        )
        for case in session.execute(late.order_by(col(CaseRow.id)).limit(BATCH_SIZE)).scalars().all():
            if _claim_notice(session, case, now):
                queues |= _enqueue_alerts(ctx, session, case)
                planned += 1
    for queue_name in queues:
        ctx.wake(queue_name)
    return planned


def is_overdue_alert(row: DeliveryRow) -> bool:
    """Whether a delivery tells of an overdue case, not of an answer."""
    return row.options.get("case") == OVERDUE_OPTION


def render_overdue_alert(
    ctx: Context, session: Session, row: DeliveryRow, answered: ContactResponse
) -> tuple[RenderedText, str] | None:
    """What staff are told, and where to act; none if the case was solved meanwhile."""
    case = session.execute(select(CaseRow).where(col(CaseRow.response_id) == row.response_id)).scalar()
    if case is None or case.state != "open" or case.deadline is None:
        return None
    core = ctx.settings.core
    ticket = session.execute(
        select(col(DeliveryRow.receipt_link)).where(
            col(DeliveryRow.response_id) == case.response_id,
            col(DeliveryRow.connection) == case.connection,
            col(DeliveryRow.action) == "open_ticket",
        )
    ).scalar()
    link = ticket or answered.contact.link or ""
    told = staff_texts.render_overdue(
        language=core.language, answered=answered, deadline=case.deadline, zone=core.zone, link=link or None
    )
    return told, link


def _claim_notice(session: Session, case: CaseRow, now: datetime) -> bool:
    """Claim the only notice of an overdue case; return False if another process has it."""
    claimed = session.execute(
        update(CaseRow)
        .where(col(CaseRow.id) == case.id, col(CaseRow.overdue_notified_at).is_(None))
        .values(overdue_notified_at=now)
        .returning(col(CaseRow.id))
        .execution_options(synchronize_session=False)
    ).scalar()
    return claimed is not None


def _reports_solved_tickets(ctx: Context, name: str) -> bool:
    kinds = {kind.name for kind in ctx.connector_info(name).events}
    return ctx.connections[name].settings.events != "none" and bool(kinds & SOLVED_KINDS)


def _enqueue_alerts(ctx: Context, session: Session, case: CaseRow) -> set[str]:
    response = session.get(ResponseRow, case.response_id)
    ways = _alert_targets(ctx, session, case)
    if response is None or not ways:
        return set()
    log.warning("overdue: case %s, promised by %s", case.id, case.deadline)
    rows: list[dict[str, Any]] = [
        {
            "key": delivery_key(
                action=action, subject=response.public_id, revision=None, route=f"{via}:{OVERDUE_OPTION}"
            ),
            "queue_name": delivery_queue(via, action),
            "connection": via,
            "action": action,
            "state": "pending",
            "due_at": ctx.clock(),
            "contact_id": case.contact_id,
            "response_id": case.response_id,
            "options": {"case": OVERDUE_OPTION},
            "created_at": ctx.clock(),
        }
        for via, action in ways
    ]
    insert_many(session, DeliveryRow, rows, skip_existing=("key",))
    return {row["queue_name"] for row in rows}


def _alert_targets(ctx: Context, session: Session, case: CaseRow) -> list[tuple[str, str]]:
    """The connections that were alerted of the answer; else the first channel, for a mail to the fallback address."""
    alerted = session.execute(
        select(col(DeliveryRow.connection))
        .where(col(DeliveryRow.response_id) == case.response_id, col(DeliveryRow.action) == "send_alert")
        .distinct()
    ).scalars()
    ways = [(name, "send_alert") for name in sorted(alerted) if ctx.has(name, "nps_send_alerts")]
    channels = (
        name for name in ctx.connections if ctx.connector_info(name).channel and ctx.has(name, "nps_send_messages")
    )
    return ways or [(name, "send_fallback") for name in channels][:1]
