"""Overdue cases: staff are told once when what was promised to a detractor is late, a second address a day later."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, select
from sqlmodel import Session, col

from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.tables import DeliveryRow, ResponseRow
from nps_connect.records.actions import CancelCode
from nps_connect.records.events import SOLVED_KINDS
from nps_connect.records.messages import Address, Message
from nps_connect.records.responses import ContactResponse
from nps_connect.rendering import staff_texts
from nps_connect.rendering.mails import RenderedText
from nps_connect.rules.timing import reply_deadline
from nps_connect.services.action_spec import ActionHandler, NotAttempted, PreparationBatch
from nps_connect.services.cases.case_list import due_at, due_column
from nps_connect.services.cases.case_page_link import case_link
from nps_connect.services.cases.cases import load_tickets
from nps_connect.services.context import Context
from nps_connect.services.deliveries.factory import NewDelivery, enqueue_deliveries
from nps_connect.services.deliveries.preparation import contact_response
from nps_connect.services.notices.staff_notices import staff_channels
from nps_connect.settings.cases import Cases

log = logging.getLogger(__name__)

OVERDUE_OPTION = "overdue"
"""Value of the option `case` of such an alert or reminder."""

REMINDER_ACTION: Final = "send_case_reminder"
BATCH_SIZE = 200
MAX_OVERDUE_AGE = timedelta(days=30)
"""Older deadlines raise no alert, so that a first start after a long stop does not raise hundreds."""


def enqueue_overdue_notices(ctx: Context) -> int:
    """Enqueue what staff are told of open cases whose deadline has passed; return the number of notices.

    First the connections that were alerted to the response, and by mail whoever has the case; without either, the
    team's address. After one more working day `cases.escalate_to`. Cases of helpdesks that do not report solved tickets
    are left out: whether they are still open is unknown.
    """
    if ctx.shadow or not ctx.settings.cases.alert_when_overdue:
        return 0
    now = ctx.clock()
    with ctx.ledger.write() as session:
        first = _claim(session, _query(ctx, now, CaseRow.overdue_notified_at, now))
        notices = [notice for case in first for notice in _build_first(ctx, session, case, now)]
        told_before = now - timedelta(days=1)
        reminded = _claim(session, _query(ctx, now, CaseRow.escalated_at, told_before))
        for case in reminded:
            if _second_deadline(ctx, case) <= now:
                notices += _build_second(ctx, session, case, now)
        queues = enqueue_deliveries(session, notices, now, skip_existing=True).queue_names
    for queue_name in queues:
        ctx.wake(queue_name)
    return len(notices)


def _query(ctx: Context, now: datetime, notified_at: Any, due_before: datetime) -> Select[Any]:  # noqa: ANN401
    """Return the query for watched cases that were due before a moment and of which nobody was told at this step."""
    helpdesks = [
        name
        for name, connection in ctx.connections.items()
        if connection.settings.events != "none"
        and any(kind.name in SOLVED_KINDS for kind in ctx.connector_info(name).event_kinds(connection.settings))
    ]
    due = due_column()
    return select(CaseRow).where(
        col(CaseRow.state) == "open",
        due <= due_before,
        due > now - MAX_OVERDUE_AGE,
        col(notified_at).is_(None),
        col(CaseRow.connection).is_(None) | col(CaseRow.connection).in_(helpdesks),
    )


def _claim(session: Session, query: Select[Any]) -> Sequence[CaseRow]:
    """Return cases locked until the end of the transaction, without those that another process has locked."""
    rows = session.execute(query.order_by(col(CaseRow.id)).limit(BATCH_SIZE).with_for_update(skip_locked=True))
    cases: Sequence[CaseRow] = rows.scalars().all()
    return cases


def _second_deadline(ctx: Context, case: CaseRow) -> datetime:
    return reply_deadline(due_at(case) or case.opened_at, ctx.settings.core.zone, ctx.settings.cases, days=1)


def first_recipient(case: CaseRow, cases: Cases, fallback: str) -> str:
    """Return who is told first: whoever has the case, else the team; never nobody."""
    return case.assigned_to or cases.team_email or fallback


def second_recipient(case: CaseRow, cases: Cases, fallback: str) -> str | None:
    """Return who is told then; None if every address was told before."""
    first = first_recipient(case, cases, fallback)
    later = (cases.escalate_to, cases.team_email, fallback)
    return next((address for address in later if address is not None and address != first), None)


def _build_first(ctx: Context, session: Session, case: CaseRow, now: datetime) -> list[NewDelivery]:
    case.overdue_notified_at = now
    log.warning("case_overdue case=%s deadline=%s", case.id, due_at(case))
    alerted = _alerted_connections(ctx, session, case)
    notices = [_new_notice(ctx, session, case, name, "send_alert", 1) for name in alerted]
    is_owner_alerted = any(ctx.connector_info(name).channel for name in alerted)
    if not alerted or (case.assigned_to is not None and not is_owner_alerted):
        notices += [_new_notice(ctx, session, case, name, REMINDER_ACTION, 1) for name in staff_channels(ctx)[:1]]
    return notices


def _build_second(ctx: Context, session: Session, case: CaseRow, now: datetime) -> list[NewDelivery]:
    case.escalated_at = now
    if second_recipient(case, ctx.settings.cases, ctx.settings.core.fallback_email) is None:
        return []
    return [_new_notice(ctx, session, case, name, REMINDER_ACTION, 2) for name in staff_channels(ctx)[:1]]


def _new_notice(ctx: Context, session: Session, case: CaseRow, connection: str, action: str, step: int) -> NewDelivery:
    response = session.get_one(ResponseRow, case.response_id)
    due = due_at(case)
    agreed = f":{due.isoformat()}" if case.next_contact_at is not None and due is not None else ""
    return NewDelivery(
        connection=connection,
        action=action,
        subject=response.public_id,
        route=f"{connection}:{OVERDUE_OPTION}{agreed}" + (":second" if step == 2 else ""),
        key_revision=case.reopened or None,
        due_at=ctx.clock(),
        contact_id=case.contact_id,
        response_id=case.response_id,
        options={"case": OVERDUE_OPTION, "step": step},
    )


def _alerted_connections(ctx: Context, session: Session, case: CaseRow) -> list[str]:
    """Return the connections that were alerted to the response."""
    alerted = session.execute(
        select(col(DeliveryRow.connection))
        .where(col(DeliveryRow.response_id) == case.response_id, col(DeliveryRow.action) == "send_alert")
        .distinct()
    ).scalars()
    return [name for name in sorted(alerted) if ctx.has(name, "nps_send_alerts")]


def is_overdue_alert(row: DeliveryRow) -> bool:
    """Whether a delivery is an alert about an overdue case instead of a new response."""
    return row.options.get("case") == OVERDUE_OPTION


def find_overdue_case(ctx: Context, session: Session, row: DeliveryRow) -> CaseRow | None:
    """Return the case that such a delivery is about; None if it was solved or a later call was agreed meanwhile."""
    case: CaseRow | None = session.execute(
        select(CaseRow).where(col(CaseRow.response_id) == row.response_id, col(CaseRow.state) == "open")
    ).scalar()
    due = due_at(case) if case is not None else None
    return case if due is not None and due <= ctx.clock() else None


def render_overdue_case(ctx: Context, session: Session, case: CaseRow, answered: ContactResponse) -> RenderedText:
    """Render the text of an alert or reminder."""
    core = ctx.settings.core
    ticket = load_tickets(session, [case.response_id]).get(case.response_id)
    return staff_texts.render_overdue(
        language=core.language,
        answered=answered,
        deadline=due_at(case) or case.opened_at,
        zone=core.zone,
        has_ticket=case.connection is not None,
        ticket_link=ticket.link if ticket is not None else None,
        owner=case.assigned_to,
        case_link=case_link(ctx, session, case, answered.response.id),
    )


def _build_reminder(batch: PreparationBatch, row: DeliveryRow) -> Message | NotAttempted:
    ctx, case = batch.ctx, find_overdue_case(batch.ctx, batch.session, row)
    if case is None:
        return NotAttempted.cancelled(CancelCode.CASE_SOLVED)
    rendered = render_overdue_case(ctx, batch.session, case, contact_response(batch, row))
    choose: Callable[[CaseRow, Cases, str], str | None]
    choose = first_recipient if row.options["step"] == 1 else second_recipient
    recipient = choose(case, ctx.settings.cases, ctx.settings.core.fallback_email)
    return Message(
        idempotency_key=row.key,
        message_id=ctx.links.message_id(row.key),
        kind="fallback",
        to=Address(email=recipient or ctx.settings.core.fallback_email),
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        language=rendered.language,
    )


SEND_CASE_REMINDER_HANDLER = ActionHandler(build=_build_reminder)
