"""Effects of a bounce: a hard or repeated one suppresses the mailbox, a complaint opts the person out.

A report acts only if it names the receipt of our own delivery, and no other mailbox than that of the delivery: anybody
can write to the bounce mailbox, and the mailboxes behind an alias are not the alias. Other reports are recorded without
effect.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import func, or_, select, text
from sqlmodel import Session, col

from nps_connect.ledger import cooldowns
from nps_connect.ledger.subjects import mailbox_hash, mailbox_subject
from nps_connect.ledger.suppressions import BounceRow, SuppressionRow
from nps_connect.ledger.tables import (
    IN_DOUBT,
    RECEIPT_IS_MESSAGE_ID,
    ContactRow,
    DeliveryRow,
    InvitationRow,
    PageViewRow,
    ResponseRow,
)
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.bounces import Bounce
from nps_connect.rules.repeated_bounces import OBSERVATION_PERIOD, is_repeated
from nps_connect.services.context import Context
from nps_connect.services.deliveries.cancel import cancel_mail
from nps_connect.services.deliveries.customer_mail import MAILBOX_OPTION, MESSAGE_ID_OPTION
from nps_connect.services.deliveries.settle_in_doubt import in_doubt_message_id
from nps_connect.services.suppressions.bounce_brake import apply_brake, was_undone
from nps_connect.services.suppressions.opt_out import apply_opt_outs
from nps_connect.services.suppressions.personal_data import ERASED_TEXT
from nps_connect.services.suppressions.store import suppress

log = logging.getLogger(__name__)

MAX_DETAIL_LENGTH = 500


def find_delivery(ctx: Context, session: Session, bounce: Bounce) -> DeliveryRow | None:
    """Return the delivery whose receipt the report names, or the mail in doubt with its ``Message-ID``, locked.

    The receipt of a mail that was settled later is the ``Message-ID`` without the sender's domain.
    """
    if not bounce.message_id:
        return None
    local_part = bounce.message_id.partition("@")[0]
    query = select(DeliveryRow).where(col(DeliveryRow.receipt_id).in_({bounce.message_id, f"{local_part}>"}))
    if bounce.message_id.startswith("<"):
        query = query.where(text(RECEIPT_IS_MESSAGE_ID))  # the predicate of the index: anybody can send reports
    delivery: DeliveryRow | None = session.execute(query.order_by(col(DeliveryRow.id)).with_for_update()).scalar()
    return delivery or _find_in_doubt(ctx, session, local_part.removeprefix("<"))


def _find_in_doubt(ctx: Context, session: Session, message_id: str) -> DeliveryRow | None:
    recorded = col(DeliveryRow.options)[MESSAGE_ID_OPTION].as_string()
    mail = col(DeliveryRow.action).in_([spec.action for spec in ctx.actions.values() if spec.is_message])
    query = select(DeliveryRow).where(text(IN_DOUBT), mail, or_(recorded == message_id, recorded.is_(None)))
    rows: Sequence[DeliveryRow] = session.execute(query.with_for_update()).scalars().all()
    for row in rows:
        if in_doubt_message_id(row, ctx.actions, ctx.links) == message_id:
            return row
    return None


def apply_bounce(
    ctx: Context, session: Session, bounce: Bounce, delivery: DeliveryRow | None, source: str, queues: set[str]
) -> Literal["attributed", "unattributed", "known"]:
    """Record a bounce and apply its effects; return `known` if it was recorded before.

    Args:
        ctx: the application context.
        session: the transaction.
        bounce: as the plugin read it.
        delivery: the mail that came back, if the report names it.
        source: `smtp`, `relay`, `mailbox` or `file`.
        queues: queues with new work are added.
    """
    contact = None
    if delivery is not None and not ctx.actions[delivery.action].customer_facing:
        delivery = None  # a mail to staff about the contact: the customer's mailbox did not bounce
    if delivery is not None and delivery.contact_id is not None:  # locked against an erasure
        lock = {"read": True, "key_share": True}
        contact = session.get(ContactRow, delivery.contact_id, populate_existing=True, with_for_update=lock)
    hashed = _mailbox_of(delivery, contact)
    if delivery is None or hashed is None or (bounce.address and mailbox_hash(bounce.address) != hashed):
        is_new = _record_bounce(ctx, session, bounce, None, None, source, is_erased=_is_erased(session, bounce.address))
        log.warning("bounce_without_effect kind=%s source=%s new=%s", bounce.kind, source, is_new)
        return "unattributed" if is_new else "known"
    is_erased = contact is not None and contact.erased_at is not None
    if not _record_bounce(ctx, session, bounce, delivery, hashed, source, is_erased=is_erased):
        return "known"
    log.warning("bounce_received kind=%s delivery=%s source=%s", bounce.kind, delivery.id, source)
    if bounce.kind == "complaint":
        opt_out_source = f"complaint ({source})"
        queues |= apply_opt_outs(ctx, session, [hashed], recipient=contact, reason="objected", source=opt_out_source)
    elif bounce.kind == "hard":
        if not was_undone(session, delivery.connection, _moment(ctx, bounce)):
            _suppress_mailbox(ctx, session, hashed, contact, delivery, f"bounce ({source})")
            apply_brake(ctx, session, delivery, source, _moment(ctx, bounce))
    elif bounce.concerns_mailbox and _is_repeated(session, hashed, _moment(ctx, bounce)):
        _suppress_mailbox(ctx, session, hashed, contact, delivery, f"repeated soft bounces ({source})")
    return "attributed"


def _mailbox_of(delivery: DeliveryRow | None, contact: ContactRow | None) -> str | None:
    """Return the hashed mailbox that a delivery went to."""
    recorded: str | None = delivery.options.get(MAILBOX_OPTION) if delivery else None
    return recorded or (contact.mailbox if contact else None)


def _suppress_mailbox(
    ctx: Context, session: Session, hashed: str, contact: ContactRow | None, delivery: DeliveryRow, source: str
) -> None:
    suppress(ctx, session, [mailbox_subject(hashed)], "bounced", source=source)
    if contact is not None:
        cancel_mail(ctx, session, contact, reason="suppressed: bounced")
    _release_cooldown(ctx, session, delivery)


def _is_repeated(session: Session, hashed: str, now: datetime) -> bool:
    """Return whether the soft bounces about a mailbox since its last sign of life are a hard one."""
    since = max(now - OBSERVATION_PERIOD, _last_activity(session, hashed) or now - OBSERVATION_PERIOD)
    query = select(col(BounceRow.at)).where(
        col(BounceRow.mailbox) == hashed,
        col(BounceRow.concerns_mailbox).is_(True),
        col(BounceRow.at) >= since,
    )
    return is_repeated(session.execute(query.order_by(col(BounceRow.at))).scalars().all())


def _last_activity(session: Session, hashed: str) -> datetime | None:
    """Return when somebody last opened a link in a mail to this mailbox, or responded."""
    invitations = select(col(InvitationRow.id)).where(col(InvitationRow.mailbox) == hashed)
    responses = select(col(ResponseRow.id)).where(col(ResponseRow.invitation_id).in_(invitations))
    is_viewed = or_(col(PageViewRow.invitation_id).in_(invitations), col(PageViewRow.response_id).in_(responses))
    moments = (
        session.execute(select(func.max(col(PageViewRow.at))).where(is_viewed)).scalar(),
        session.execute(
            select(func.max(col(ResponseRow.answered_at))).where(col(ResponseRow.invitation_id).in_(invitations))
        ).scalar(),
    )
    return max((moment for moment in moments if moment is not None), default=None)


def _is_erased(session: Session, address: str | None) -> bool:
    """Return whether the person of an address was erased."""
    subject = mailbox_subject(mailbox_hash(address or ""))
    query = select(col(SuppressionRow.id)).where(
        col(SuppressionRow.subject) == subject, col(SuppressionRow.reason) == "erased"
    )
    return session.execute(query).first() is not None


def _record_bounce(
    ctx: Context,
    session: Session,
    bounce: Bounce,
    delivery: DeliveryRow | None,
    hashed: str | None,
    source: str,
    *,
    is_erased: bool,
) -> bool:
    """Store a bounce, without its text if the person was erased; return False if the same one is stored already.

    Without a delivery it has no effect; the same report has one later, if the receipt is known by then.
    """
    at = _moment(ctx, bounce)
    named = mailbox_hash(bounce.address) if bounce.address else None
    kind = f"{bounce.kind} about the mailbox" if bounce.concerns_mailbox else bounce.kind  # after a delay, perhaps
    identity = f"{kind}\n{bounce.message_id or at.isoformat()}\n{hashed or f'without effect {named}'}"
    values = {
        "key": hashlib.sha256(identity.encode()).hexdigest(),
        "kind": bounce.kind,
        "mailbox": hashed or named,
        "contact_id": delivery.contact_id if delivery else None,
        "delivery_id": delivery.id if delivery else None,
        "concerns_mailbox": bounce.concerns_mailbox and delivery is not None,
        "status": bounce.status,
        "detail": ERASED_TEXT if is_erased else ctx.redact(bounce.detail)[:MAX_DETAIL_LENGTH],
        "source": source,
        "at": at,
    }
    return bool(insert_many(session, BounceRow, [values], skip_existing=("key",), returning=("id",)))


def _moment(ctx: Context, bounce: Bounce) -> datetime:
    now = ctx.clock()
    return min(bounce.at or now, now)


def _release_cooldown(ctx: Context, session: Session, delivery: DeliveryRow) -> None:
    """Release the cooldown of a survey that reached nobody, unless it has a confirmed response."""
    if delivery.invitation_id is None:
        return
    invitation = session.get(InvitationRow, delivery.invitation_id)
    responses = select(col(ResponseRow.id)).where(
        col(ResponseRow.invitation_id) == delivery.invitation_id, col(ResponseRow.revision) > 0
    )
    if invitation is not None and invitation.state == "sent" and session.execute(responses).first() is None:
        invitation.reason = cooldowns.BOUNCED
        cooldowns.release(session, delivery.invitation_id, cooldown=ctx.settings.limits.cooldown, now=ctx.clock())
