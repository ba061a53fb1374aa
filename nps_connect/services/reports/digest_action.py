"""The action `send_digest`: one mail to one recipient about one scope and period."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

from sqlmodel import Session

from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.actions import CancelCode
from nps_connect.records.messages import Address, InlineImage, Message
from nps_connect.rendering.digest import CHART_CONTENT_ID, DigestContent, render_digest
from nps_connect.rendering.digest_chart import draw_trend
from nps_connect.rules.digest_period import DigestPeriod, parse_period
from nps_connect.services.action_spec import ActionHandler, NotAttempted, PreparationBatch
from nps_connect.services.context import Context
from nps_connect.services.deliveries.customer_mail import build_sender, inline_images
from nps_connect.services.links import DigestLink
from nps_connect.services.reports.digest_content import load_content
from nps_connect.services.reports.digest_recipients import load_recipients


def build_digest(
    ctx: Context, content: DigestContent, *, scope: str, mailbox: str, email: str, key: str, message_id: str
) -> Message:
    """Return the mail of a digest.

    Args:
        ctx: the application context.
        content: what it says.
        scope: name of the team, or empty.
        mailbox: hash of the recipient's mailbox.
        email: address of the recipient.
        key: idempotency key.
        message_id: part of the ``Message-ID`` before the @.
    """
    core = ctx.settings.core
    leave_url = ctx.links.url("d", ctx.links.digest(DigestLink(scope, mailbox)))
    rendered = render_digest(
        content,
        language=core.language,
        sender=build_sender(ctx),
        zone=core.zone,
        console_url=f"{core.url}/console" + (f"/overview?{urlencode({'team': scope})}" if scope else ""),
        leave_url=leave_url,
    )
    images = list(inline_images(ctx))
    if content.trend is not None:
        picture = draw_trend(content.trend.points, core.colour)
        images.append(InlineImage(content_id=CHART_CONTENT_ID, media_type="image/png", data=picture))
    return Message(
        idempotency_key=key,
        message_id=message_id,
        kind="digest",
        to=Address(email=email),
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        language=rendered.language,
        unsubscribe_url=leave_url,
        list_id=f"{scope or 'company'}.digest.{urlsplit(core.url).hostname or 'localhost'}",
        inline_images=tuple(images),
    )


def _load_contents(batch: PreparationBatch) -> dict[tuple[str, str], DigestContent]:
    """Return what the digests of a batch say, by scope and period: each is read once for all of its recipients."""
    contents: dict[tuple[str, str], DigestContent] = {}
    for row in batch.deliveries:
        scope, name = row.options["scope"], row.options["period"]
        if (scope, name) not in contents:
            contents[scope, name] = load_content(batch.ctx, batch.session, _period(batch.ctx, name), scope)
    return contents


def _build_message(batch: PreparationBatch, row: DeliveryRow) -> Message | NotAttempted:
    ctx, scope, mailbox = batch.ctx, row.options["scope"], row.options["recipient"]
    email = find_recipient(ctx, batch.session, scope, mailbox)
    if email is None:
        return NotAttempted.cancelled(CancelCode.RECIPIENT_LEFT)
    content = batch.load_once(_load_contents)[scope, row.options["period"]]
    message_id = ctx.links.message_id(row.key)
    return build_digest(ctx, content, scope=scope, mailbox=mailbox, email=email, key=row.key, message_id=message_id)


def find_recipient(ctx: Context, session: Session, scope: str, mailbox: str) -> str | None:
    """Return the address of a recipient; None if the person left the digest or is not configured any more."""
    configured: Any = ctx.settings.digest_recipients.get(scope, ())
    return load_recipients(session, configured, scope).get(mailbox)


def _period(ctx: Context, name: str) -> DigestPeriod:
    return parse_period(name, ctx.settings.digest, ctx.settings.core.zone)


SEND_DIGEST_HANDLER = ActionHandler(build=_build_message)
