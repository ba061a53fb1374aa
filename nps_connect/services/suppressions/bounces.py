"""Bounces and complaints: a mailbox that does not exist is written to no more, a person who complains neither."""

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
from nps_connect.ledger.bounces import BounceRow
from nps_connect.ledger.subjects import mailbox_hash, mailbox_subject
from nps_connect.ledger.tables import ContactRow, DeliveryRow, InvitationRow, ResponseRow
from nps_connect.ledger.upserts import insert_new
from nps_connect.records.bounces import Bounce, MailboxPage
from nps_connect.services.context import Context
from nps_connect.services.deliveries.cancel import cancel_mail
from nps_connect.services.links import UnsubscribeLink
from nps_connect.services.suppressions.opt_out import apply_opt_out
from nps_connect.services.suppressions.store import suppress

log = logging.getLogger(__name__)

FETCH_INTERVAL = timedelta(minutes=5)
NO_MAILBOX_INTERVAL = timedelta(hours=1)
ARRIVAL_TIMEOUT = timedelta(minutes=1)
MAILBOX_POLL_INTERVAL = timedelta(seconds=3)

MAILBOX_OPTION = "mailbox"
"""Key of a delivery's options: the hashed mailbox that its mail went to."""


def receive_bounce_report(ctx: Context, token: str, message: bytes) -> int:
    """Take a report that a relay posts; how many bounces in it were new.

    Raises:
        WebhookRejected: the token is not ours, or the message is no report.
    """
    connection = ctx.links.read_bounces(token)
    if connection is None:
        raise WebhookRejected("unknown_connection")
    return process_bounce_report(ctx, connection, message, source="relay")


def process_bounce_report(ctx: Context, connection: str, message: bytes, *, source: str) -> int:
    """Take a report that a channel can read; how many bounces in it were new. The same report twice counts once.

    Raises:
        WebhookRejected: the connection cannot read reports, or the message is none.
    """
    if not ctx.has(connection, "nps_read_bounces"):
        raise WebhookRejected("unknown_connection", "not a channel that reads what came back")
    found: Sequence[Bounce] = ctx.plugins.call(
        ctx.plugin_name(connection), "nps_read_bounces", connection=ctx.connections[connection], message=message
    )
    queues: set[str] = set()
    with ctx.ledger.write() as session:
        new = sum(_process_bounce(ctx, session, bounce, source, queues) for bounce in found)
    for queue_name in queues:
        ctx.wake(queue_name)
    return new


def fetch_bounces(ctx: Context, connection: str, memo: dict[str, Any]) -> timedelta:
    """Read a page of the mailbox to which mail comes back; returns when to look again.

    The cursor moves on only when all of the page is taken: what is read twice counts once.
    """
    account = ctx.connections[connection]
    try:
        page: MailboxPage | None = ctx.plugins.call(
            ctx.plugin_name(connection), "nps_fetch_bounces", connection=account, cursor=memo.get("cursor")
        )
    except DeliveryError as error:
        log.warning("mailbox not read connection=%s: %s", connection, ctx.redact(error.message))
        return FETCH_INTERVAL
    if page is None:
        return NO_MAILBOX_INTERVAL
    for message in page.messages:
        try:
            process_bounce_report(ctx, connection, message, source="mailbox")
        except WebhookRejected:
            continue  # not a report: people write to that mailbox too
    memo["cursor"] = page.cursor
    return timedelta(0) if page.more else FETCH_INTERVAL


def wait_for_arrival(
    ctx: Context,
    connection: str,
    message_id: str,
    *,
    waiting: Callable[[timedelta], None] = lambda _waited: None,
) -> bytes | None:
    """Look for a mail of ours in the mailbox of reports, as long as `ARRIVAL_TIMEOUT`; none if there is none or it never came.

    Args:
        ctx: the joined parts.
        connection: the channel.
        message_id: of the mail.
        waiting: hears before each pause how long it has been waited.

    Raises:
        DeliveryError: the mailbox cannot be read.
    """
    account = ctx.connections[connection]
    wanted, begun = message_id.encode(), ctx.clock()
    cursor: str | None = None
    while ctx.has(connection, "nps_fetch_bounces"):
        page: MailboxPage | None = ctx.plugins.call(
            ctx.plugin_name(connection), "nps_fetch_bounces", connection=account, cursor=cursor
        )
        if page is None:
            return None
        # In its own head: a report that quotes our mail is not our mail.
        found = [one for one in page.messages if wanted in re.split(rb"\r?\n\r?\n", one, maxsplit=1)[0]]
        waited = ctx.clock() - begun
        if found or (not page.more and waited >= ARRIVAL_TIMEOUT):
            return found[0] if found else None
        cursor = page.cursor
        if not page.more:
            waiting(waited)
            account.sleep(MAILBOX_POLL_INTERVAL.total_seconds())
    return None


def record_smtp_refusal(ctx: Context, session: Session, row: DeliveryRow, error: Rejected) -> None:
    """A mail server refused the mail when it was handed over: because of its address, or for another reason."""
    if MAILBOX_OPTION not in row.options:
        return
    kind: Literal["hard", "soft"] = "hard" if isinstance(error, Undeliverable) else "soft"
    bounce = Bounce(kind=kind, message_id=f"delivery-{row.id}", detail=ctx.redact(error.message))
    _apply_bounce(ctx, session, bounce, row, "smtp", set())


def _process_bounce(ctx: Context, session: Session, bounce: Bounce, source: str, queues: set[str]) -> bool:
    delivery = None
    if bounce.message_id is not None:
        delivery = session.execute(
            select(DeliveryRow).where(col(DeliveryRow.receipt_id) == bounce.message_id).order_by(col(DeliveryRow.id))
        ).scalar()
    return _apply_bounce(ctx, session, bounce, delivery, source, queues)


def _apply_bounce(
    ctx: Context, session: Session, bounce: Bounce, delivery: DeliveryRow | None, source: str, queues: set[str]
) -> bool:
    """Note a bounce and draw its consequences; false if it was known."""
    now = ctx.clock()
    contact, hashed = _identify_recipient(session, bounce, delivery)
    if hashed is None or not _record_bounce(ctx, session, bounce, delivery, contact, hashed, source, now):
        return False
    log.warning("mail came back kind=%s delivery=%s source=%s", bounce.kind, delivery.id if delivery else "-", source)
    if bounce.kind == "hard":
        suppress(session, [mailbox_subject(hashed)], "bounced", source=f"bounce ({source})", now=now)
        if contact is not None:
            cancel_mail(ctx, session, contact, reason="suppressed: bounced")
        _release_cooldown(ctx, session, delivery, now)
    elif bounce.kind == "complaint":
        link = UnsubscribeLink(contact.id or 0 if contact else 0, hashed)
        apply_opt_out(ctx, session, link, contact, queues, reason="objected", source=f"complaint ({source})")
    return True


def _identify_recipient(
    session: Session, bounce: Bounce, delivery: DeliveryRow | None
) -> tuple[ContactRow | None, str | None]:
    """The person and the hashed mailbox that a bounce is about; no mailbox where we know neither."""
    if delivery is not None:
        contact = session.get(ContactRow, delivery.contact_id) if delivery.contact_id else None
        return contact, delivery.options.get(MAILBOX_OPTION) or (contact.mailbox if contact else None)
    hashed = mailbox_hash(bounce.address) if bounce.address else None
    query = select(ContactRow).where(col(ContactRow.mailbox) == hashed).order_by(col(ContactRow.id))
    contact = session.execute(query).scalar() if hashed else None
    return contact, hashed if contact is not None else None


def _record_bounce(
    ctx: Context,
    session: Session,
    bounce: Bounce,
    delivery: DeliveryRow | None,
    contact: ContactRow | None,
    hashed: str,
    source: str,
    now: datetime,
) -> bool:
    about = bounce.message_id or (bounce.at.isoformat() if bounce.at else now.isoformat())
    key = hashlib.sha256(f"{bounce.kind}\n{about}\n{hashed}".encode()).hexdigest()
    values = {
        "key": key,
        "kind": bounce.kind,
        "mailbox": hashed,
        "contact_id": contact.id if contact else None,
        "delivery_id": delivery.id if delivery else None,
        "status": bounce.status,
        "detail": ctx.redact(bounce.detail)[:500],
        "source": source,
        "at": bounce.at or now,
    }
    return bool(insert_new(session, BounceRow, [values], ("key",)))


def _release_cooldown(ctx: Context, session: Session, delivery: DeliveryRow | None, now: datetime) -> None:
    """Who was never reached has not been surveyed: the cooldown is given back, unless there is an answer after all."""
    if delivery is None or delivery.invitation_id is None or delivery.action not in ("send_survey", "send_reminder"):
        return
    invitation = session.get(InvitationRow, delivery.invitation_id)
    answered = session.execute(
        select(col(ResponseRow.id)).where(
            col(ResponseRow.invitation_id) == delivery.invitation_id, col(ResponseRow.revision) > 0
        )
    ).first()
    if invitation is not None and invitation.state == "sent" and answered is None:
        invitation.reason = cooldowns.BOUNCED
        cooldowns.release(session, delivery.invitation_id, cooldown=ctx.settings.limits.cooldown, now=now)
