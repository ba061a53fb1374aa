"""Settle deliveries in doubt by evidence that comes late: a receipt, the log of the mail server, an opened link."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Select, exists, select
from sqlmodel import Session, col

from nps_connect.ledger import claims
from nps_connect.ledger.audit_log import Actor, record_audit
from nps_connect.ledger.tables import DeliveryRow, InvitationRow, PageViewRow
from nps_connect.records.deliveries import Receipt
from nps_connect.services.action_spec import ActionSpecs, SettledDelivery
from nps_connect.services.context import Context
from nps_connect.services.deliveries.customer_mail import MESSAGE_ID_OPTION
from nps_connect.services.deliveries.operator_actions import RETRYABLE_STATES, OperatorResult, retry_by_operator
from nps_connect.services.deliveries.settle import settle
from nps_connect.services.links import Links
from nps_connect.settings.model import Settings

log = logging.getLogger(__name__)

MAX_OPENED_PER_RUN = 100


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
    settled = [SettledDelivery(row, receipt, started_at=row.first_started_at)]
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


def settle_opened(ctx: Context, session: Session, rows: Iterable[DeliveryRow]) -> int:
    """Settle those mails in doubt as sent whose own link somebody opened; return how many there were.

    A scanner that opens it proves it too: nobody else has the link.
    """
    count = 0
    for row in rows:
        if row.in_doubt and row.state in RETRYABLE_STATES:
            log.info("mail_in_doubt_was_sent delivery=%s", row.id)
            settle_mail_as_sent(ctx, session, row, "its link was opened")
            count += 1
    return count


def settle_opened_surveys(ctx: Context, session: Session, invitation_ids: Collection[int]) -> int:
    """Settle the survey mails in doubt of invitations whose link was opened; return how many there were.

    An invitation is planned until its first mail is known to be sent. A later view may come from any of its mails, so
    that it proves no reminder.
    """
    query = _survey_mails_in_doubt().where(col(DeliveryRow.invitation_id).in_(invitation_ids))
    return settle_opened(ctx, session, session.execute(query).scalars().all())


def settle_mails_opened_early(ctx: Context) -> int:
    """Settle survey mails whose link was opened before they were in doubt; return how many there were.

    A scanner opens it while the mail server still holds the answer back; then the process dies.
    """
    was_opened = exists().where(
        col(PageViewRow.invitation_id) == col(DeliveryRow.invitation_id),
        col(PageViewRow.at) >= col(DeliveryRow.first_started_at),
    )
    query = _survey_mails_in_doubt().where(was_opened).limit(MAX_OPENED_PER_RUN)
    with ctx.ledger.write() as session:
        return settle_opened(ctx, session, session.execute(query).scalars().all())


def _survey_mails_in_doubt() -> Select[DeliveryRow]:
    return (
        select(DeliveryRow)
        .join(InvitationRow, col(InvitationRow.id) == col(DeliveryRow.invitation_id))
        .where(
            col(InvitationRow.state) == "planned",
            col(DeliveryRow.response_id).is_(None),
            col(DeliveryRow.in_doubt),
            col(DeliveryRow.state).in_(RETRYABLE_STATES),
        )
        .with_for_update(of=DeliveryRow)
    )
