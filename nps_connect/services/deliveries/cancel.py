"""Cancel deliveries that have not started, and give back what they have reserved."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, select, update
from sqlmodel import Session, col

from nps_connect.ledger.tables import ContactRow, DeliveryRow
from nps_connect.records.actions import CancelCode, cancel_text
from nps_connect.services.action_spec import AbandonedDelivery, ActionSpecs
from nps_connect.services.contacts.store import merged_contact_ids
from nps_connect.services.context import Context
from nps_connect.settings.model import Settings

UNSTARTED_STATES = ("pending", "held")


def cancel_mail(ctx: Context, session: Session, contact: ContactRow, *, reason: str) -> int:
    """Cancel all mail to a contact that has not started; return the number of deliveries."""
    contact_ids = merged_contact_ids(session, contact)
    actions = [spec.action for spec in ctx.actions.values() if spec.customer_facing]
    mails = col(DeliveryRow.contact_id).in_(contact_ids), col(DeliveryRow.action).in_(actions)
    return cancel_deliveries(ctx, session, CancelCode.CONTACT_BLOCKED, *mails, detail=reason)


def cancel_deliveries(
    ctx: Context, session: Session, code: CancelCode, *conditions: ColumnElement[bool], detail: str | None = None
) -> int:
    """Cancel the deliveries that match all conditions and have not started; return their number."""
    unstarted = col(DeliveryRow.state).in_(UNSTARTED_STATES), col(DeliveryRow.in_doubt).is_(False)
    query = select(DeliveryRow).where(*conditions, *unstarted).with_for_update(skip_locked=True)
    deliveries = list(session.execute(query).scalars())
    for delivery in deliveries:
        cancel(ctx, session, delivery, code, detail)
    return len(deliveries)


def cancel(ctx: Context, session: Session, row: DeliveryRow, code: CancelCode, detail: str | None = None) -> None:
    """Cancel one delivery that has not started."""
    mark_cancelled(row, code, cancel_text(code, detail), ctx.clock())
    if not row.in_doubt:
        release_reservations(session, row, ctx.actions, ctx.settings, ctx.clock())
    session.flush()


def mark_cancelled(row: DeliveryRow, code: CancelCode, reason: str, now: datetime) -> None:
    """Set the columns of a cancelled delivery."""
    row.state, row.cancel_code, row.last_error, row.finished_at = "cancelled", code, reason, now
    row.hold_code = row.hold_detail = None


def release_reservations(
    session: Session, row: DeliveryRow, actions: ActionSpecs, settings: Settings, now: datetime
) -> None:
    """Give back what a cancelled delivery has reserved, such as the cooldown of a survey."""
    release = actions[row.action].handler.release
    if release is not None:
        code = CancelCode(row.cancel_code) if row.cancel_code else None
        release(session, [AbandonedDelivery(row, "cancelled", row.last_error or "", code)], settings, now)


def restore_cancelled(session: Session, code: CancelCode, *conditions: ColumnElement[bool]) -> list[DeliveryRow]:
    """Let the deliveries go on that match all conditions and were cancelled for one reason; return them, locked."""
    cancelled = col(DeliveryRow.state) == "cancelled", col(DeliveryRow.cancel_code) == code
    query = select(DeliveryRow).where(*conditions, *cancelled).with_for_update()
    deliveries = list(session.execute(query).scalars())
    for delivery in deliveries:
        mark_pending(delivery)
    return deliveries


def mark_pending(row: DeliveryRow) -> None:
    """Set the columns of a cancelled delivery that goes on."""
    row.state, row.finished_at, row.last_error, row.cancel_code = "pending", None, None, None


def cancel_dependents(
    session: Session, delivery_ids: Collection[int], states: Collection[str], now: datetime, detail: str | None = None
) -> None:
    """Cancel the deliveries that wait for these."""
    session.execute(
        update(DeliveryRow)
        .where(col(DeliveryRow.depends_on_id).in_(delivery_ids), col(DeliveryRow.state).in_(states))
        .values(
            state="cancelled",
            hold_code=None,
            hold_detail=None,
            finished_at=now,
            cancel_code=CancelCode.DEPENDENCY_CANCELLED,
            last_error=cancel_text(CancelCode.DEPENDENCY_CANCELLED, detail),
        )
        .execution_options(synchronize_session=False)
    )
