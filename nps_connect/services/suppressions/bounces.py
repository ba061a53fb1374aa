"""Read bounce reports and complaints: those that arrive, those in the bounce mailbox, and refusals in a session."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from sqlmodel import Session

from nps_connect.errors import DeliveryError, Rejected, Undeliverable, WebhookRejected
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.ledger.workers import BOUNCES_JOB_PREFIX
from nps_connect.records.bounces import Bounce, MailboxPage
from nps_connect.services.action_spec import SettledDelivery
from nps_connect.services.context import Context
from nps_connect.services.deliveries.settle_in_doubt import settle_mail_as_sent
from nps_connect.services.suppressions.bounce_effects import apply_bounce, find_delivery

log = logging.getLogger(__name__)

FETCH_INTERVAL = timedelta(minutes=5)
NO_MAILBOX_INTERVAL = timedelta(hours=1)
ARRIVAL_TIMEOUT = timedelta(minutes=1)
MAILBOX_POLL_INTERVAL = timedelta(seconds=3)


class ReportResult(NamedTuple):
    """What a report led to.

    Attributes:
        new: bounces and complaints about our mail that were not recorded before.
        unattributed: new ones without effect, because they name none of our mails to that mailbox.
    """

    new: int
    unattributed: int


def receive_bounce_report(ctx: Context, token: str, message: bytes) -> ReportResult:
    """Process a report that a mail relay posted.

    Raises:
        WebhookRejected: the token is invalid, or the message is not a report.
    """
    connection = ctx.links.read_bounces(token)
    if connection is None:
        raise WebhookRejected("unknown_connection")
    return process_bounce_report(ctx, connection, message, source="relay")


def process_bounce_report(ctx: Context, connection: str, message: bytes, *, source: str) -> ReportResult:
    """Process a bounce report or complaint. Idempotent.

    Raises:
        WebhookRejected: the connection cannot read reports, or the message is not a report that it can read.
    """
    if not ctx.has(connection, "nps_read_bounces"):
        raise WebhookRejected("unknown_connection", "not a channel that reads bounce reports")
    bounces = _read_bounces(ctx, connection, message)
    queues: set[str] = set()
    with ctx.ledger.write() as session:
        recorded = []
        for bounce in bounces:
            delivery = find_delivery(ctx, session, bounce)
            if delivery is not None:  # nobody else knows its Message-ID, so it was sent
                queues |= settle_mail_as_sent(ctx, session, delivery, f"a bounce report names it ({source})")
            recorded.append(apply_bounce(ctx, session, bounce, delivery, source, queues))
    for queue_name in queues:
        ctx.wake(queue_name)
    return ReportResult(recorded.count("attributed"), recorded.count("unattributed"))


def _read_bounces(ctx: Context, connection: str, message: bytes) -> Sequence[Bounce]:
    """Return the bounces in a report; whatever the plugin raises concerns that one message.

    Raises:
        WebhookRejected: the message is not a report that the plugin can read.
    """
    target = ctx.connections[connection]
    try:
        bounces: Sequence[Bounce] = ctx.plugins.call(
            target.settings.plugin, "nps_read_bounces", connection=target, message=message
        )
    except WebhookRejected:
        raise
    except Exception as error:  # anybody can send any message to this mailbox
        log.warning("bounce_report_unreadable connection=%s error=%s", connection, type(error).__name__)
        raise WebhookRejected("unreadable", f"reading it failed ({type(error).__name__})") from error
    return bounces


def bounces_job(connection: str) -> str:
    """Return the name of the periodic job that reads the bounce mailbox of a connection."""
    return BOUNCES_JOB_PREFIX + connection


def fetch_bounces(ctx: Context, connection: str, progress: dict[str, Any]) -> timedelta:
    """Read one page of the mailbox that receives reports; return how long to wait before the next.

    A failure, and the time of the last success, are kept in `progress`, for `status` and `doctor`. The cursor advances
    only after the whole page: a message that is read again adds nothing.
    """
    try:
        page = _fetch_page(ctx, connection, progress.get("cursor"))
    except DeliveryError as error:
        reason = ctx.redact(error.message)
        log.warning(
            "bounce_mailbox_unreadable connection=%s error=%s finding=bounce-mailbox-unread", connection, reason
        )
        progress["failure"] = {"since": ctx.clock().isoformat(), **progress.get("failure", {}), "reason": reason}
        return FETCH_INTERVAL
    progress.pop("failure", None)
    if page is None:
        return NO_MAILBOX_INTERVAL
    for message in page.messages:
        try:
            process_bounce_report(ctx, connection, message, source="mailbox")
        except WebhookRejected as rejected:  # people write to this mailbox too
            log.info("bounce_report_skipped connection=%s reason=%s", connection, ctx.redact(rejected.detail))
    progress["cursor"], progress["read_at"] = page.cursor, ctx.clock().isoformat()
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


def record_smtp_refusals(ctx: Context, session: Session, settled: Sequence[SettledDelivery], now: datetime) -> set[str]:
    """Record bounces for mails that the mail server refused: hard if the mailbox does not exist, else soft."""
    queue_names: set[str] = set()
    for delivery in settled:
        error = delivery.outcome
        if delivery.called and isinstance(error, Rejected):
            row = session.get_one(DeliveryRow, delivery.row.id)
            kind: Literal["hard", "soft"] = "hard" if isinstance(error, Undeliverable) else "soft"
            bounce = Bounce(
                kind=kind,
                message_id=f"{row.key} {now.isoformat()}",  # each attempt counts
                concerns_mailbox=error.concerns_mailbox,
                detail=ctx.redact(error.message),
            )
            apply_bounce(ctx, session, bounce, row, "smtp", queue_names)
    return queue_names


def _fetch_page(ctx: Context, connection: str, cursor: str | None) -> MailboxPage | None:
    target = ctx.connections[connection]
    page: MailboxPage | None = ctx.plugins.call(
        target.settings.plugin, "nps_fetch_bounces", connection=target, cursor=cursor
    )
    return page
