"""Overdue cases: staff are alerted once when the promised reply to a detractor is late."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlmodel import Session, col

from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.tables import DeliveryRow, ResponseRow
from nps_connect.records.events import SOLVED_KINDS
from nps_connect.records.responses import ContactResponse
from nps_connect.rendering import staff_texts
from nps_connect.rendering.mails import RenderedText
from nps_connect.rules.case_owner import owner_address
from nps_connect.services.cases.cases import load_tickets
from nps_connect.services.context import Context
from nps_connect.services.deliveries.factory import NewDelivery, enqueue_deliveries
from nps_connect.services.notices.staff_notices import FALLBACK_ACTION, staff_channels

log = logging.getLogger(__name__)

OVERDUE_OPTION = "overdue"
"""Value of the option `case` of such an alert."""

BATCH_SIZE = 200
MAX_OVERDUE_AGE = timedelta(days=30)
"""Older deadlines raise no alert, so that a first start after a long stop does not raise hundreds."""


def enqueue_overdue_alerts(ctx: Context) -> int:
    """Enqueue an alert for every open case whose deadline has passed; return the number of cases.

    The alert goes where the alert of the response went, else by mail to the fallback address. Cases of helpdesks that
    do not report solved tickets are left out: whether they are still open is unknown.
    """
    helpdesks = [
        name
        for name, connection in ctx.connections.items()
        if connection.settings.events != "none"
        and any(kind.name in SOLVED_KINDS for kind in ctx.connector_info(name).event_kinds(connection.settings))
    ]
    if ctx.shadow or not ctx.settings.cases.alert_when_overdue or not helpdesks:
        return 0
    now = ctx.clock()
    overdue = select(CaseRow).where(
        col(CaseRow.state) == "open",
        col(CaseRow.deadline) <= now,
        col(CaseRow.deadline) > now - MAX_OVERDUE_AGE,
        col(CaseRow.overdue_notified_at).is_(None),
        col(CaseRow.connection).in_(helpdesks),
    )
    alerts: list[NewDelivery] = []
    with ctx.ledger.write() as session:
        cases = session.execute(overdue.order_by(col(CaseRow.id)).limit(BATCH_SIZE)).scalars().all()
        claimed = [case for case in cases if _claim_notice(session, case, now)]
        for case in claimed:
            alerts += _build_alerts(ctx, session, case, now)
        queues = enqueue_deliveries(session, alerts, now, skip_existing=True).queue_names
    for queue_name in queues:
        ctx.wake(queue_name)
    return len(claimed)


def is_overdue_alert(row: DeliveryRow) -> bool:
    """Whether a delivery is an alert about an overdue case instead of a new response."""
    return row.options.get("case") == OVERDUE_OPTION


def render_overdue_alert(
    ctx: Context, session: Session, row: DeliveryRow, answered: ContactResponse
) -> RenderedText | None:
    """Render the alert; None if the case was solved meanwhile."""
    case = session.execute(select(CaseRow).where(col(CaseRow.response_id) == row.response_id)).scalar()
    if case is None or case.state != "open" or case.deadline is None:
        return None
    core, cases = ctx.settings.core, ctx.settings.cases
    ticket = load_tickets(session, [case.response_id]).get(case.response_id)
    return staff_texts.render_overdue(
        language=core.language,
        answered=answered,
        deadline=case.deadline,
        zone=core.zone,
        ticket_link=ticket.link if ticket is not None else None,
        owner=owner_address(answered.contact.fields, cases.owner_field, cases.owners),
    )


def _claim_notice(session: Session, case: CaseRow, now: datetime) -> bool:
    """Claim the only alert of an overdue case; return False if another process has it."""
    claimed = session.execute(
        update(CaseRow)
        .where(col(CaseRow.id) == case.id, col(CaseRow.overdue_notified_at).is_(None))
        .values(overdue_notified_at=now)
        .returning(col(CaseRow.id))
        .execution_options(synchronize_session=False)
    ).scalar()
    return claimed is not None


def _build_alerts(ctx: Context, session: Session, case: CaseRow, now: datetime) -> list[NewDelivery]:
    response = session.get(ResponseRow, case.response_id)
    targets = _alert_targets(ctx, session, case)
    if response is None or not targets:
        return []
    log.warning("case_overdue case=%s deadline=%s", case.id, case.deadline)
    return [
        NewDelivery(
            connection=connection,
            action=action,
            subject=response.public_id,
            route=f"{connection}:{OVERDUE_OPTION}",
            due_at=now,
            contact_id=case.contact_id,
            response_id=case.response_id,
            options={"case": OVERDUE_OPTION},
        )
        for connection, action in targets
    ]


def _alert_targets(ctx: Context, session: Session, case: CaseRow) -> list[tuple[str, str]]:
    """Return the connections that were alerted to the response; else the first channel, for a fallback mail."""
    alerted = session.execute(
        select(col(DeliveryRow.connection))
        .where(col(DeliveryRow.response_id) == case.response_id, col(DeliveryRow.action) == "send_alert")
        .distinct()
    ).scalars()
    targets = [(name, "send_alert") for name in sorted(alerted) if ctx.has(name, "nps_send_alerts")]
    return targets or [(name, FALLBACK_ACTION) for name in staff_channels(ctx)[:1]]
