"""The brake: many hard bounces within an hour hold the mail, and their suppressions wait for an operator.

A relay that refuses every recipient for some seconds must not suppress healthy customers for good. The suppressions
are provisional: they stop mail, and an operator confirms or undoes them.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, literal, literal_column, select, update
from sqlmodel import Session, col

from nps_connect.errors import Undeliverable
from nps_connect.ledger import cooldowns, pauses
from nps_connect.ledger.audit_log import Actor, record_audit
from nps_connect.ledger.columns import delivery_queue
from nps_connect.ledger.subjects import mailbox_subject
from nps_connect.ledger.suppressions import BounceBrakeRow, BounceRow, SuppressionRow
from nps_connect.ledger.tables import ContactRow, DeliveryRow, InvitationRow
from nps_connect.records.actions import CancelCode
from nps_connect.rules.bounce_brake import CONFIRMATION_PERIOD, REPORT_LIMIT, SMTP_LIMIT, WINDOW, BounceCount
from nps_connect.services.context import Context
from nps_connect.services.deliveries.cancel import mark_pending
from nps_connect.services.suppressions.store import withdraw

log = logging.getLogger(__name__)

BOUNCED = "bounced"

# literals: with parameters the partial indexes are not used
_IS_HARD: ColumnElement[bool] = col(BounceRow.kind) == literal_column("'hard'")
_IS_SENT: ColumnElement[bool] = col(DeliveryRow.state) == literal_column("'succeeded'")


@dataclass(frozen=True)
class BrakeDecision:
    """What a decision on a brake changed, or would change.

    Attributes:
        recipients: mailboxes that were refused.
        mails: of so many mails.
        suppressions: provisional suppressions.
        restored: mails that the suppressions had cancelled and that are due again; 0 if confirmed.
        returned: mails that came back by report and are dead now, as refused ones are; 0 if confirmed.
    """

    recipients: int
    mails: int
    suppressions: int
    restored: int = 0
    returned: int = 0


def was_undone(session: Session, connection: str, at: datetime) -> bool:
    """Return whether an operator has decided that refusals of this moment were a mistake."""
    brake = session.get(BounceBrakeRow, connection)
    if brake is None or brake.decided_at is None or brake.is_confirmed:
        return False
    return brake.tripped_at - WINDOW < at <= brake.decided_at


def apply_brake(ctx: Context, session: Session, delivery: DeliveryRow, source: str, at: datetime) -> None:
    """Hold the action and make suppressions provisional, if too many mailboxes were refused within an hour.

    Args:
        ctx: the application context.
        session: the transaction, in which the bounce and its suppression are stored.
        delivery: the mail that came back.
        source: of the bounce.
        at: when it came back.
    """
    connection, now = delivery.connection, ctx.clock()
    brake = session.get(BounceBrakeRow, connection, with_for_update=True)
    if brake is not None and brake.decided_at is None:
        count = BounceCount(brake.recipients, brake.mails)
    else:
        confirmed = _confirmed_count(brake, now)
        since = max(at - WINDOW, brake.decided_at) if brake is not None and brake.decided_at else at - WINDOW
        count = _count(ctx, session, connection, since, source)
        if not count.exceeds(SMTP_LIMIT if source == "smtp" else REPORT_LIMIT, confirmed):
            return
        session.merge(
            BounceBrakeRow(connection=connection, tripped_at=now, recipients=count.recipients, mails=count.mails)
        )
        session.flush()
    reason = f"{count.recipients} recipients of {count.mails} mails were refused for good within an hour"
    scope = pauses.queue_scope(connection, delivery.action)
    if pauses.pause(session, scope, cause="bounces", reason=reason, now=now):
        log.error(
            'scope_paused scope=%s cause=bounces reason="%s" finding=paused; '
            "to decide: nps-connect bounces confirm|undo %s",
            scope,
            reason,
            connection,
        )
    _mark_provisional(session, connection, at)


def confirm_brake(ctx: Context, session: Session, connection: str, actor: Actor) -> BrakeDecision | None:
    """Make the provisional suppressions of a connection final, and let its mail go on; None if nothing is held."""
    brake = _load_held(session, connection)
    if brake is None:
        return None
    rows = _load_provisional(session, connection)
    for row in rows:
        row.provisional_for = None
    _decide(ctx, session, brake, actor, is_confirmed=True)
    return BrakeDecision(brake.recipients, brake.mails, len(rows))


def undo_brake(ctx: Context, session: Session, connection: str, actor: Actor) -> BrakeDecision | None:
    """Delete the provisional suppressions of a connection, and let its mail go on; None if nothing is held.

    Mails that the suppressions had cancelled are due again. Mails that were refused, or that came back by report, are
    dead, for `deliveries retry`.
    """
    brake = _load_held(session, connection)
    if brake is None:
        return None
    rows = _load_provisional(session, connection)
    withdraw(ctx, session, rows)
    restored = sum(_restore_mail(ctx, session, row) for row in rows)
    returned = _mark_returned_mail_dead(ctx, session, brake)
    _decide(ctx, session, brake, actor, is_confirmed=False)
    return BrakeDecision(brake.recipients, brake.mails, len(rows), restored, returned)


def _count(ctx: Context, session: Session, connection: str, since: datetime, source: str) -> BounceCount:
    """Count refused mailboxes since a moment, and the mails since the first of them was sent, or since that moment."""
    from_smtp = col(BounceRow.source) == "smtp"
    refused = (
        select(
            func.count(col(BounceRow.mailbox).distinct()),
            func.min(col(DeliveryRow.finished_at)),
            func.count(col(BounceRow.id)).filter(from_smtp),
        )
        .join(DeliveryRow, col(DeliveryRow.id) == col(BounceRow.delivery_id))
        .where(_IS_HARD, col(BounceRow.at) > since)
        .where(col(DeliveryRow.connection) == connection, from_smtp if source == "smtp" else ~from_smtp)
    )
    recipients, first_finished_at, unsent = session.execute(refused).one()
    queues = [delivery_queue(connection, spec.action) for spec in ctx.actions.values() if spec.customer_facing]
    sent = select(func.count()).where(
        _IS_SENT,
        col(DeliveryRow.queue_name).in_(queues),
        col(DeliveryRow.finished_at) >= min(since, first_finished_at or since),
    )
    return BounceCount(int(recipients), int(session.execute(sent).scalar_one()) + int(unsent))


def _confirmed_count(brake: BounceBrakeRow | None, now: datetime) -> BounceCount | None:
    """Return what an operator has confirmed within `CONFIRMATION_PERIOD`."""
    if brake is None or not brake.is_confirmed or brake.decided_at is None:
        return None
    return BounceCount(brake.recipients, brake.mails) if now < brake.decided_at + CONFIRMATION_PERIOD else None


def _mark_provisional(session: Session, connection: str, at: datetime) -> None:
    """Make the suppressions provisional that hard bounces of the last hour before a moment have led to."""
    bounced = (
        select(literal(mailbox_subject("")) + col(BounceRow.mailbox))
        .join(DeliveryRow, col(DeliveryRow.id) == col(BounceRow.delivery_id))
        .where(_IS_HARD, col(BounceRow.at) > at - WINDOW)
        .where(col(DeliveryRow.connection) == connection)
    )
    session.execute(
        update(SuppressionRow)
        .where(col(SuppressionRow.reason) == BOUNCED, col(SuppressionRow.created_at) > at - WINDOW)
        .where(col(SuppressionRow.subject).in_(bounced))
        .values(provisional_for=connection)
        .execution_options(synchronize_session=False)
    )


def _load_held(session: Session, connection: str) -> BounceBrakeRow | None:
    brake = session.get(BounceBrakeRow, connection, with_for_update=True)
    return brake if brake is not None and brake.decided_at is None else None


def _load_provisional(session: Session, connection: str) -> Sequence[SuppressionRow]:
    query = select(SuppressionRow).where(col(SuppressionRow.provisional_for) == connection)
    return session.execute(query.order_by(col(SuppressionRow.id)).with_for_update()).scalars().all()


def _decide(ctx: Context, session: Session, brake: BounceBrakeRow, actor: Actor, *, is_confirmed: bool) -> None:
    now = ctx.clock()
    brake.decided_at, brake.is_confirmed = now, is_confirmed
    for scope, pause in pauses.load_pauses(session).items():
        if pause.cause == "bounces" and scope.startswith(pauses.queue_scope(brake.connection, "")):
            pauses.resume(session, scope)
    command = "bounces confirm" if is_confirmed else "bounces undo"
    record_audit(session, actor, command, pauses.connection_scope(brake.connection), now=now)


def _mark_returned_mail_dead(ctx: Context, session: Session, brake: BounceBrakeRow) -> int:
    """Make mails dead that came back by report in the hour of a brake, so that a retry sends them; return how many.

    A survey that was responded to has arrived. The bounces stay listed, but a new one about the same mail counts again.
    """
    query = (
        select(DeliveryRow, BounceRow)
        .join(BounceRow, col(BounceRow.delivery_id) == col(DeliveryRow.id))
        .join(InvitationRow, col(InvitationRow.id) == col(DeliveryRow.invitation_id))
        .where(_IS_HARD, col(BounceRow.source) != "smtp", col(BounceRow.at) > brake.tripped_at - WINDOW)
        .where(_IS_SENT, col(DeliveryRow.connection) == brake.connection)
        .where(col(DeliveryRow.response_id).is_not(None) | (col(InvitationRow.reason) == cooldowns.BOUNCED))
        .with_for_update(of=DeliveryRow)
    )
    returned = session.execute(query).all()
    for row, bounce in returned:
        row.state, row.error_kind, row.last_error = "dead", Undeliverable.kind, f"it came back: {bounce.detail}"
        row.finished_at = ctx.clock()
        bounce.key = hashlib.sha256(f"undone {bounce.key}".encode()).hexdigest()
    session.flush()
    return len(returned)


def _restore_mail(ctx: Context, session: Session, suppression: SuppressionRow) -> int:
    """Let the mails go on that a suppression cancelled, which are checked again before the start; return how many."""
    mailbox = suppression.subject.removeprefix(mailbox_subject(""))
    query = (
        select(DeliveryRow)
        .join(ContactRow, col(ContactRow.id) == col(DeliveryRow.contact_id))
        .where(
            col(ContactRow.mailbox) == mailbox,
            col(DeliveryRow.state) == "cancelled",
            col(DeliveryRow.cancel_code) == CancelCode.CONTACT_BLOCKED,
            col(DeliveryRow.finished_at) >= suppression.created_at,
        )
        .with_for_update(of=DeliveryRow)
    )
    restored = 0
    for row in session.execute(query).scalars().all():
        reserve_again = ctx.actions[row.action].handler.reserve_again
        if reserve_again is None or reserve_again(session, row, ctx.settings, ctx.clock()) is None:
            mark_pending(row)
            restored += 1
    return restored
