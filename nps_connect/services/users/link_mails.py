"""Mails with a link to choose a password: to invited users, and to those who forgot theirs."""

from __future__ import annotations

import logging
from typing import cast

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.tables import DeliveryRow
from nps_connect.ledger.users import UserLinkRow, UserRow
from nps_connect.records.messages import Address, Message
from nps_connect.rendering.user_mails import render_user_link
from nps_connect.services.action_spec import NotAttempted, PreparationBatch
from nps_connect.services.context import Context
from nps_connect.services.deliveries.factory import NewDelivery, enqueue_deliveries
from nps_connect.services.users.one_time_links import LinkPurpose, create_link, link_address
from nps_connect.services.users.passwords import hash_token
from nps_connect.services.users.sign_in import normalize_email
from nps_connect.services.users.sign_in_limits import count_attempt, find_wait, link_scopes

log = logging.getLogger(__name__)

LINK_OPTION = "user_link"
"""Key of a delivery's options: the random id of the link that the mail holds."""

LINK_MAIL_KEYS = "send_fallback-user-link-"
"""Beginning of the keys of these deliveries."""


def mail_channel(ctx: Context) -> str | None:
    """Return the connection that sends mail to staff; None if none can, or nothing is sent in shadow mode."""
    if ctx.shadow:
        return None
    channels = [name for name in ctx.connections if ctx.connector_info(name).channel]
    return next((name for name in channels if ctx.has(name, "nps_send_messages")), None)


def request_password_link(ctx: Context, email: str, network: str | None) -> bool:
    """Send a link to the user of an address, if there is one; what happens cannot be told from outside.

    Returns False if there were too many requests, which is the same for known and unknown addresses.
    """
    email, now = normalize_email(email), ctx.clock()
    scopes = link_scopes(ctx, email, network)
    with ctx.ledger.read() as session:
        if find_wait(session, scopes, now) is not None:
            return False
    query = select(UserRow).where(col(UserRow.email) == email, col(UserRow.locked_at).is_(None))
    queue_names: set[str] = set()
    with ctx.ledger.write() as session:
        if count_attempt(session, scopes, now) is not None:
            return False
        user = session.execute(query).scalar()
        channel = mail_channel(ctx)
        if user is not None and channel is not None:
            queue_names = enqueue_link(ctx, session, user, "reset", channel)
    if channel is None:
        log.warning("password_mail_not_sent mode=%s", ctx.settings.core.mode)
    for queue_name in queue_names:
        ctx.wake(queue_name)
    return True


def enqueue_link(ctx: Context, session: Session, user: UserRow, purpose: LinkPurpose, channel: str) -> set[str]:
    """Store a link, and enqueue its mail in the same transaction; return the queues to wake after the commit."""
    link_id, now = ctx.new_public_id(), ctx.clock()
    create_link(session, user, purpose, now, ctx.links.user(link_id))
    mail = NewDelivery(
        connection=channel,
        action="send_fallback",
        subject=f"user-link-{link_id}",
        route="user",
        due_at=now,
        options={LINK_OPTION: link_id},
    )
    return enqueue_deliveries(session, [mail], now).queue_names


def is_user_link(row: DeliveryRow) -> bool:
    """Whether a delivery is a mail with a link for a user of the console."""
    return LINK_OPTION in row.options


def build_user_link(batch: PreparationBatch, row: DeliveryRow) -> Message | NotAttempted:
    """Return the mail; skipped if its link was used or has expired."""
    ctx, session = batch.ctx, batch.session
    token = ctx.links.user(str(row.options[LINK_OPTION]))
    query = select(UserRow, UserLinkRow).join(UserLinkRow, col(UserLinkRow.user_id) == col(UserRow.id))
    linked = session.execute(query.where(col(UserLinkRow.token_hash) == hash_token(token))).first()
    if linked is None or linked[1].expires_at <= ctx.clock() or linked[0].locked_at is not None:
        return NotAttempted.skipped("its link was used or has expired")
    user, link = linked
    core = ctx.settings.core
    rendered = render_user_link(
        language=user.language or core.language,
        company=core.company,
        name=user.name,
        address=link_address(core.url, token),
        purpose=cast("LinkPurpose", link.purpose),
    )
    return Message(
        idempotency_key=row.key,
        message_id=ctx.links.message_id(row.key),
        kind="fallback",
        to=Address(email=user.email, name=user.name),
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        language=rendered.language,
    )
