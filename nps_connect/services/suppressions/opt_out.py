"""Opt-outs: the unsubscribe page, and what an opt-out stops."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.subjects import contact_subjects, mailbox_subject, person_subject
from nps_connect.ledger.suppressions import SuppressionRow
from nps_connect.ledger.tables import ContactRow
from nps_connect.records.pages import UnsubscribePage
from nps_connect.rendering.languages import choose_language
from nps_connect.services.context import Context
from nps_connect.services.deliveries.cancel import cancel_mail
from nps_connect.services.deliveries.factory import NewDelivery, enqueue_deliveries
from nps_connect.services.links import UnsubscribeLink
from nps_connect.services.suppressions.store import suppress


def unsubscribe_page(ctx: Context, token: str) -> UnsubscribePage:
    """Return the unsubscribe page of a link; changes nothing (mail scanners open every link)."""
    link = ctx.links.read_unsubscribe(token)
    if link is None:
        return _test_or_unknown_page(ctx, token, is_done=False)
    with ctx.ledger.read() as session:
        contact = session.get(ContactRow, link.contact_id)
        opted_out = session.execute(
            select(col(SuppressionRow.id)).where(
                col(SuppressionRow.subject).in_(contact_subjects(link.contact_id, link.mailbox)),
                col(SuppressionRow.reason) == "opted_out",
            )
        ).first()
        return _build_page(ctx, contact, is_done=opted_out is not None)


def unsubscribe(ctx: Context, token: str) -> UnsubscribePage:
    """Stop all customer mail to the person and mailbox of a link, and cancel pending mail. Idempotent."""
    link = ctx.links.read_unsubscribe(token)
    if link is None:
        return _test_or_unknown_page(ctx, token, is_done=True)
    with ctx.ledger.write() as session:
        contact = session.get(ContactRow, link.contact_id)
        queues = apply_opt_out(ctx, session, link, contact, reason="opted_out", source="unsubscribe link")
        page = _build_page(ctx, contact, is_done=True)
    for queue_name in queues:
        ctx.wake(queue_name)
    return page


def apply_opt_out(
    ctx: Context,
    session: Session,
    link: UnsubscribeLink,
    contact: ContactRow | None,
    *,
    reason: Literal["opted_out", "objected"],
    source: str,
) -> set[str]:
    """Store the suppression, cancel pending mail and write the opt-out to the CRM if its plugin can.

    Args:
        ctx: the application context.
        session: the transaction.
        link: the person and the mailbox.
        contact: the person, if known.
        reason: of the suppression.
        source: where the opt-out came from.

    Returns:
        The queues with new work.
    """
    now = ctx.clock()
    subjects = [mailbox_subject(link.mailbox), *([person_subject(link.contact_id)] if link.contact_id else [])]
    is_new = suppress(ctx, session, subjects, reason, source=source) > 0
    if contact is None or not is_new:
        return set()
    cancel_mail(ctx, session, contact, reason=f"suppressed: {reason}")
    connection = contact.connection
    if not ctx.has(connection, "nps_write_opt_outs") or ctx.connector_info(connection).action("write_opt_out") is None:
        return set()
    opt_out = NewDelivery(
        connection=connection,
        action="write_opt_out",
        subject=f"contact-{contact.id}",
        due_at=now,
        contact_id=contact.id,
    )
    return enqueue_deliveries(session, [opt_out], now, skip_existing=True).queue_names


def _test_or_unknown_page(ctx: Context, token: str, *, is_done: bool) -> UnsubscribePage:
    """The page of a test mail, whose link stops nothing."""
    link = ctx.links.read_test(token)
    if link is None:
        return UnsubscribePage(state="unknown", language=ctx.settings.core.language)
    return UnsubscribePage(state="done" if is_done else "open", language=link.language)


def _build_page(ctx: Context, contact: ContactRow | None, *, is_done: bool) -> UnsubscribePage:
    core = ctx.settings.core
    email = contact.email if contact is not None and contact.erased_at is None else None
    return UnsubscribePage(
        state="done" if is_done else "open",
        language=choose_language([contact.language if contact else None], core.languages),
        mailbox=mask_email(email) if email else None,
    )


def mask_email(email: str) -> str:
    """An address that its owner recognises and nobody else can use."""
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}***@{domain}"
