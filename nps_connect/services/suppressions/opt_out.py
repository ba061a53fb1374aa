"""Opting out: GET shows, POST acts; one press stops surveys, reminders and review mail."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.operational_tables import SuppressionRow
from nps_connect.ledger.subjects import contact_subjects, mailbox_subject, person_subject
from nps_connect.ledger.tables import ContactRow, DeliveryRow
from nps_connect.records.pages import UnsubscribePage
from nps_connect.rendering.languages import choose_language
from nps_connect.rules.routing import delivery_key
from nps_connect.services.context import Context, delivery_queue
from nps_connect.services.deliveries.cancel import cancel_mail
from nps_connect.services.links import UnsubscribeLink
from nps_connect.services.suppressions.store import suppress


def unsubscribe_page(ctx: Context, token: str) -> UnsubscribePage:
    """Show what a press would do; changes nothing."""
    link = ctx.links.read_unsubscribe(token)
    if link is None:
        return _test_or_unknown_page(ctx, token, done=False)
    with ctx.ledger.read() as session:
        contact = session.get(ContactRow, link.contact_id)
        done = session.execute(
            select(col(SuppressionRow.id)).where(
                col(SuppressionRow.subject).in_(contact_subjects(link.contact_id, link.mailbox)),
                col(SuppressionRow.reason) == "opted_out",
            )
        ).first()
        return _page(ctx, contact, done=done is not None)


def unsubscribe(ctx: Context, token: str) -> UnsubscribePage:
    """Stop all customer mail to this person and mailbox; pending mail is cancelled at once. Twice is harmless."""
    link = ctx.links.read_unsubscribe(token)
    if link is None:
        return _test_or_unknown_page(ctx, token, done=True)
    queues: set[str] = set()
    with ctx.ledger.write() as session:
        contact = session.get(ContactRow, link.contact_id)
        apply_unsubscribe_link(ctx, session, link, contact, queues)
        page = _page(ctx, contact, done=True)
    for queue_name in queues:
        ctx.wake(queue_name)
    return page


def apply_unsubscribe_link(
    ctx: Context, session: Session, link: UnsubscribeLink, contact: ContactRow | None, queues: set[str]
) -> None:
    """Carry out a press on the unsubscribe page."""
    apply_opt_out(ctx, session, link, contact, queues, reason="opted_out", source="unsubscribe link")


def apply_opt_out(
    ctx: Context,
    session: Session,
    link: UnsubscribeLink,
    contact: ContactRow | None,
    queues: set[str],
    *,
    reason: Literal["opted_out", "objected"],
    source: str,
) -> None:
    """Store the suppression, cancel what is pending, and plan to tell the CRM where its plugin can be told."""
    now = ctx.clock()
    subjects = [mailbox_subject(link.mailbox), *([person_subject(link.contact_id)] if link.contact_id else [])]
    is_new = suppress(session, subjects, reason, source=source, now=now) > 0
    if contact is None or not is_new:
        return
    cancel_mail(ctx, session, contact, reason=f"suppressed: {reason}")
    if ctx.has(contact.connection, "nps_write_opt_outs") and _supports_opt_out(ctx, contact.connection):
        queue_name = delivery_queue(contact.connection, "write_opt_out")
        row = DeliveryRow(
            key=delivery_key(
                action="write_opt_out", subject=f"contact-{contact.id}", revision=None, route=contact.connection
            ),
            queue_name=queue_name,
            connection=contact.connection,
            action="write_opt_out",
            due_at=now,
            contact_id=contact.id,
            created_at=now,
        )
        known = session.execute(select(col(DeliveryRow.id)).where(col(DeliveryRow.key) == row.key)).scalar()
        if known is None:
            session.add(row)
            queues.add(queue_name)


def _supports_opt_out(ctx: Context, connection: str) -> bool:
    return ctx.connector_info(connection).action("write_opt_out") is not None


def _test_or_unknown_page(ctx: Context, token: str, *, done: bool) -> UnsubscribePage:
    """The page of a test mail, which stops nothing."""
    link = ctx.links.read_test(token)
    if link is None:
        return UnsubscribePage(state="unknown", language=ctx.settings.core.language)
    return UnsubscribePage(state="done" if done else "open", language=link.language)


def _page(ctx: Context, contact: ContactRow | None, *, done: bool) -> UnsubscribePage:
    core = ctx.settings.core
    email = contact.email if contact is not None and contact.erased_at is None else None
    return UnsubscribePage(
        state="done" if done else "open",
        language=choose_language([contact.language if contact else None], core.languages),
        mailbox=mask_email(email) if email else None,
    )


def mask_email(email: str) -> str:
    """An address that its owner recognises and a stranger cannot use."""
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}***@{domain}"
