"""Settle mail in doubt by what the log of the mail server says."""

from __future__ import annotations

from typing import Any

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
    **retry_arguments: Any,  # noqa: ANN401  # as `retry_by_operator` takes them
) -> OperatorResult:
    """Settle one mail in doubt; its queue is to be woken after the commit.

    Args:
        ctx: the application context.
        actor: who looked into the log.
        session: the transaction.
        row: the delivery, locked.
        sent: the mail server accepted it: reminder and cooldown start now. Else it is pending again, and is checked
            like any other mail before it is sent.
        retry_arguments: `actions`, `settings` and `now`.
    """
    if row.state not in RETRYABLE_STATES or not row.in_doubt:
        return OperatorResult(row, f"it is {row.state} and not in doubt")
    message_id = in_doubt_message_id(row, ctx.actions, ctx.links)
    if message_id is None:
        return OperatorResult(row, "only mail is settled by hand; a retry looks for it at the vendor first")
    if sent:
        _settle_sent(ctx, session, row, message_id)
    else:
        row.in_doubt = False
        result = retry_by_operator(session, row, **retry_arguments)
        if result.refused is not None:
            row.in_doubt = True
            return result
    reason = "sent" if sent else "not sent"
    record_audit(session, actor, "deliveries settle", f"delivery:{row.id}", now=ctx.clock(), reason=reason)
    return OperatorResult(row)


def _settle_sent(ctx: Context, session: Session, row: DeliveryRow, message_id: str) -> None:
    """Settle a delivery like any other success; its receipt is the ``Message-ID`` without the sender's domain."""
    row.state, row.lease_token, row.lease_until = "running", ctx.token(), ctx.clock() + claims.LEASE_DURATION
    session.flush()
    receipt = Receipt(id=f"<{message_id}>", note="an operator found it in the log of the mail server")
    spec = ctx.actions[row.action]
    settle(ctx, session, row.connection, spec, [SettledDelivery(row, receipt)], row.lease_token or "")
    session.refresh(row)
