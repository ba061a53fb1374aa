"""Settle deliveries in doubt by evidence that comes late, and mail in doubt by what the log of the mail server says."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from nps_connect.ledger import claims
from nps_connect.ledger.audit_log import Actor, record_audit
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.deliveries import Receipt
from nps_connect.services.action_spec import ActionSpecs, SettledDelivery
from nps_connect.services.context import Context
from nps_connect.services.deliveries.customer_mail import MESSAGE_ID_OPTION
from nps_connect.services.deliveries.operator_actions import RETRYABLE_STATES, OperatorResult, retry_by_operator
from nps_connect.services.deliveries.settle import settle
from nps_connect.services.links import Links
from nps_connect.settings.model import Settings


def in_doubt_message_id(row: DeliveryRow, actions: ActionSpecs, links: Links) -> str | None:
    """Return the local part of the ``Message-ID`` of a mail in doubt; None for anything else.

    The part before the @ is unique; the part after it is the domain of the sender. A mail that was prepared after the
    backup from which the database was restored has the same one, unless the signing keys changed.
    """
    if not row.in_doubt or not actions[row.action].is_message:
        return None
    return row.options.get(MESSAGE_ID_OPTION) or links.message_id(row.key)


def settle_by_operator(
    ctx: Context,
    actor: Actor,
    session: Session,
    row: DeliveryRow,
    *,
    sent: bool,
    actions: ActionSpecs,
    settings: Settings,
    now: datetime,
) -> OperatorResult:
    """Settle one mail in doubt; its queue is to be woken after the commit.

    Args:
        ctx: the application context.
        actor: who looked into the log.
        session: the transaction.
        row: the delivery, locked.
        sent: the mail server accepted it: reminder and cooldown start now. Else it is pending again, and is checked
            like any other mail before it is sent.
        actions: every action.
        settings: the configuration.
        now: the present moment.
    """
    if row.state not in RETRYABLE_STATES or not row.in_doubt:
        return OperatorResult(row, f"it is {row.state} and not in doubt")
    if in_doubt_message_id(row, actions, ctx.links) is None:
        return OperatorResult(row, "only mail is settled by hand; a retry looks for it at the vendor first")
    if sent:
        settle_mail_as_sent(ctx, session, row, "an operator found it in the log of the mail server")
    else:
        row.in_doubt = False
        result = retry_by_operator(session, row, actions=actions, settings=settings, now=now)
        if result.refused is not None:
            row.in_doubt = True
            return result
    reason = "sent" if sent else "not sent"
    record_audit(session, actor, "deliveries settle", f"delivery:{row.id}", now=now, reason=reason)
    return OperatorResult(row)


def settle_as_succeeded(ctx: Context, session: Session, row: DeliveryRow, receipt: Receipt) -> set[str]:
    """Settle a locked delivery that no worker has, like any other success; return the queues with new work."""
    token = ctx.token()
    row.state, row.lease_token, row.lease_until = "running", token, ctx.clock() + claims.LEASE_DURATION
    row.started_at = None
    session.flush()
    settled = [SettledDelivery(row, receipt)]
    queue_names = settle(ctx, session, row.connection, ctx.actions[row.action], settled, token)
    session.refresh(row)
    return queue_names


def settle_mail_as_sent(ctx: Context, session: Session, row: DeliveryRow, evidence: str) -> set[str]:
    """Settle mail as sent if it is in doubt and no worker has it; return the queues with new work.

    The receipt is the ``Message-ID`` without the sender's domain.

    Args:
        ctx: the application context.
        session: the transaction.
        row: the delivery, locked.
        evidence: what proves that it was sent.
    """
    message_id = in_doubt_message_id(row, ctx.actions, ctx.links)
    if message_id is None or row.state == "running":
        return set()
    return settle_as_succeeded(ctx, session, row, Receipt(id=f"<{message_id}>", note=evidence))
