"""Process bounces and complaints: a hard bounce suppresses the mailbox, a complaint opts the person out."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.errors import DeliveryError, Rejected, Undeliverable, WebhookRejected
from nps_connect.ledger import cooldowns
from nps_connect.ledger.subjects import mailbox_hash, mailbox_subject
from nps_connect.ledger.suppressions import BounceRow
from nps_connect.ledger.tables import ContactRow, DeliveryRow, InvitationRow, ResponseRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.bounces import Bounce, MailboxPage
from nps_connect.services.action_spec import SettledDelivery
from nps_connect.services.contacts.store import load_mailbox_contacts
from nps_connect.services.context import Context
from nps_connect.services.deliveries.cancel import cancel_mail
from nps_connect.services.deliveries.customer_mail import MAILBOX_OPTION
from nps_connect.services.suppressions.opt_out import apply_opt_out
from nps_connect.services.suppressions.store import suppress

log = logging.getLogger(__name__)

FETCH_INTERVAL = timedelta(minutes=5)
NO_MAILBOX_INTERVAL = timedelta(hours=1)
ARRIVAL_TIMEOUT = timedelta(minutes=1)
MAILBOX_POLL_INTERVAL = timedelta(seconds=3)


def receive_bounce_report(ctx: Context, token: str, message: bytes) -> int:
    """Process a report that a mail relay posted; return how many of its bounces are new.

    Raises:
        WebhookRejected: the token is invalid, or the message is not a report.
    """
    connection = ctx.links.read_bounces(token)
    if connection is None:
        raise WebhookRejected("unknown_connection")
    return process_bounce_report(ctx, connection, message, source="relay")


def process_bounce_report(ctx: Context, connection: str, message: bytes, *, source: str) -> int:
    """Process a bounce report or complaint; return how many of its bounces are new. Idempotent.

    Raises:
        WebhookRejected: the connection cannot read reports, or the message is not a report.
    """
    if not ctx.has(connection, "nps_read_bounces"):
        raise WebhookRejected("unknown_connection", "not a channel that reads bounce reports")
    bounces: Sequence[Bounce] = ctx.plugins.call(
        ctx.plugin_name(connection), "nps_read_bounces", connection=ctx.connections[connection], message=message
    )
    queues: set[str] = set()
    with ctx.ledger.write() as session:
        new_count = sum(
            _apply_bounce(ctx, session, bounce, _find_delivery(session, bounce), source, queues) for bounce in bounces
        )
    for queue_name in queues:
        ctx.wake(queue_name)
    return new_count


def fetch_bounces(ctx: Context, connection: str, progress: dict[str, Any]) -> timedelta:
    """Read one page of the mailbox that receives reports; return how long to wait before the next.

    The cursor advances only after the whole page: a message that is read again adds nothing.
    """
    try:
        page = _fetch_page(ctx, connection, progress.get("cursor"))
    except DeliveryError as error:
        log.warning("bounce_mailbox_unreadable connection=%s error=%s", connection, ctx.redact(error.message))
        return FETCH_INTERVAL
    if page is None:
        return NO_MAILBOX_INTERVAL
    for message in page.messages:
        try:
            process_bounce_report(ctx, connection, message, source="mailbox")
        except WebhookRejected:
            continue  # not a report: people write to this mailbox too
    progress["cursor"] = page.cursor
    return timedelta(0) if page.more else FETCH_INTERVAL


def wait_for_arrival(
    ctx: Context,
    connection: str,
    message_id: str,
    *,
    on_wait: Callable[[timedelta], None] = lambda _waited: None,
) -> bytes | None:
    """Wait up to `ARRIVAL_TIMEOUT` for a mail in the mailbox that receives reports.

    Args:
        ctx: the application context.
        connection: the channel.
        message_id: of the mail.
        on_wait: called before each pause with the time waited so far.

    Returns:
        The mail; None if it did not arrive or the channel has no such mailbox.

    Raises:
        DeliveryError: the mailbox cannot be read.
    """
    needle, started_at = message_id.encode(), ctx.clock()
    cursor: str | None = None
    while ctx.has(connection, "nps_fetch_bounces"):
        page = _fetch_page(ctx, connection, cursor)
        if page is None:
            return None
        # Only in the header: a report that quotes the mail is not the mail.
        arrived = [mail for mail in page.messages if needle in re.split(rb"\r?\n\r?\n", mail, maxsplit=1)[0]]
        waited = ctx.clock() - started_at
        if arrived or (not page.more and waited >= ARRIVAL_TIMEOUT):
            return arrived[0] if arrived else None
        cursor = page.cursor
        if not page.more:
            on_wait(waited)
            ctx.connections[connection].sleep(MAILBOX_POLL_INTERVAL.total_seconds())
    return None


def record_smtp_refusals(
    ctx: Context, session: Session, settled: Sequence[SettledDelivery], _now: datetime
) -> set[str]:
    """Record bounces for mails that the mail server refused: hard if the mailbox does not exist, else soft."""
    queue_names: set[str] = set()
    for delivery in settled:
        error = delivery.outcome
        if delivery.called and isinstance(error, Rejected):
            row = session.get_one(DeliveryRow, delivery.row.id)
            kind: Literal["hard", "soft"] = "hard" if isinstance(error, Undeliverable) else "soft"
            bounce = Bounce(kind=kind, message_id=row.key, detail=ctx.redact(error.message))
            _apply_bounce(ctx, session, bounce, row, "smtp", queue_names)
    return queue_names


def _fetch_page(ctx: Context, connection: str, cursor: str | None) -> MailboxPage | None:
    page: MailboxPage | None = ctx.plugins.call(
        ctx.plugin_name(connection), "nps_fetch_bounces", connection=ctx.connections[connection], cursor=cursor
    )
    return page


def _find_delivery(session: Session, bounce: Bounce) -> DeliveryRow | None:
    if bounce.message_id is None:
        return None
    query = select(DeliveryRow).where(col(DeliveryRow.receipt_id) == bounce.message_id).order_by(col(DeliveryRow.id))
    delivery: DeliveryRow | None = session.execute(query).scalar()
    return delivery


def _apply_bounce(
    ctx: Context, session: Session, bounce: Bounce, delivery: DeliveryRow | None, source: str, queues: set[str]
) -> bool:
    """Record a bounce and apply its consequences; return False if it was recorded before or concerns nobody known.

    Args:
        ctx: the application context.
        session: the transaction.
        bounce: as the plugin read it.
        delivery: the mail that came back, if it is known.
        source: `smtp`, `relay`, `mailbox` or `file`.
        queues: queues with new work are added.
    """
    contact, hashed = _identify_recipient(session, bounce, delivery)
    if hashed is None or not _record_bounce(ctx, session, bounce, delivery, contact, hashed, source):
        return False
    log.warning("bounce_received kind=%s delivery=%s source=%s", bounce.kind, delivery.id if delivery else "-", source)
    if bounce.kind == "hard":
        suppress(ctx, session, [mailbox_subject(hashed)], "bounced", source=f"bounce ({source})")
        if contact is not None:
            cancel_mail(ctx, session, contact, reason="suppressed: bounced")
        _release_cooldown(ctx, session, delivery)
    elif bounce.kind == "complaint":
        opt_out_source = f"complaint ({source})"
        queues |= apply_opt_out(ctx, session, hashed, recipient=contact, reason="objected", source=opt_out_source)
    return True


def _identify_recipient(
    session: Session, bounce: Bounce, delivery: DeliveryRow | None
) -> tuple[ContactRow | None, str | None]:
    """Return the contact and the hashed mailbox; no mailbox if neither a delivery nor a contact is known."""
    if delivery is not None:
        contact = session.get(ContactRow, delivery.contact_id) if delivery.contact_id else None
        return contact, delivery.options.get(MAILBOX_OPTION) or (contact.mailbox if contact else None)
    hashed = mailbox_hash(bounce.address) if bounce.address else None
    contact = next(iter(load_mailbox_contacts(session, hashed)), None) if hashed else None
    return contact, hashed if contact is not None else None


def _record_bounce(
    ctx: Context,
    session: Session,
    bounce: Bounce,
    delivery: DeliveryRow | None,
    contact: ContactRow | None,
    hashed: str,
    source: str,
) -> bool:
    """Store a bounce; return False if the same one is stored already."""
    at = bounce.at or ctx.clock()
    identity = f"{bounce.kind}\n{bounce.message_id or at.isoformat()}\n{hashed}"
    values = {
        "key": hashlib.sha256(identity.encode()).hexdigest(),
        "kind": bounce.kind,
        "mailbox": hashed,
        "contact_id": contact.id if contact else None,
        "delivery_id": delivery.id if delivery else None,
        "status": bounce.status,
        "detail": ctx.redact(bounce.detail)[:500],
        "source": source,
        "at": at,
    }
    return bool(insert_many(session, BounceRow, [values], skip_existing=("key",), returning=("id",)))


def _release_cooldown(ctx: Context, session: Session, delivery: DeliveryRow | None) -> None:
    """Release the cooldown of a survey that reached nobody, unless it has a confirmed response."""
    if delivery is None or delivery.invitation_id is None:
        return
    invitation = session.get(InvitationRow, delivery.invitation_id)
    responses = select(col(ResponseRow.id)).where(
        col(ResponseRow.invitation_id) == delivery.invitation_id, col(ResponseRow.revision) > 0
    )
    if invitation is not None and invitation.state == "sent" and session.execute(responses).first() is None:
        invitation.reason = cooldowns.BOUNCED
        cooldowns.release(session, delivery.invitation_id, cooldown=ctx.settings.limits.cooldown, now=ctx.clock())
