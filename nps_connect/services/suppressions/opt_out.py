"""Opt-outs: the unsubscribe page, and what an opt-out stops."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.subjects import contact_subjects, mailbox_subject, person_subject, vendor_id_subject
from nps_connect.ledger.suppressions import SuppressionRow
from nps_connect.ledger.tables import ContactRow
from nps_connect.records.pages import UnsubscribePage
from nps_connect.rendering.catalogs import choose_language
from nps_connect.services.contacts.store import load_contacts_of, load_mailbox_contacts, surviving_contact
from nps_connect.services.context import Context
from nps_connect.services.deliveries.cancel import cancel_mail
from nps_connect.services.deliveries.factory import NewDelivery, enqueue_deliveries
from nps_connect.services.suppressions.store import suppress


def unsubscribe_page(ctx: Context, token: str) -> UnsubscribePage:
    """Return the unsubscribe page of a link; changes nothing (mail scanners open every link)."""
    mailbox = ctx.links.read_unsubscribe(token)
    if mailbox is None:
        return _test_or_unknown_page(ctx, token, is_done=False)
    with ctx.ledger.read() as session:
        opted_out = session.execute(
            select(col(SuppressionRow.id)).where(
                col(SuppressionRow.subject) == mailbox_subject(mailbox), col(SuppressionRow.reason) == "opted_out"
            )
        ).first()
        return _build_page(ctx, session, mailbox, is_done=opted_out is not None)


def unsubscribe(ctx: Context, token: str) -> UnsubscribePage:
    """Stop all customer mail to the mailbox of a link and to the contacts that have it now. Idempotent.

    A contact whose address has changed since the mail keeps getting mail at the new one: its mails have links of their
    own. Who has the link may speak for the mailbox that it was sent to, not for another.
    """
    mailbox = ctx.links.read_unsubscribe(token)
    if mailbox is None:
        return _test_or_unknown_page(ctx, token, is_done=True)
    with ctx.ledger.write() as session:
        queues = apply_opt_outs(ctx, session, [mailbox], reason="opted_out", source="unsubscribe link")
        page = _build_page(ctx, session, mailbox, is_done=True)
    for queue_name in queues:
        ctx.wake(queue_name)
    return page


def apply_opt_outs(
    ctx: Context,
    session: Session,
    mailboxes: Collection[str],
    *,
    recipient: ContactRow | None = None,
    reason: Literal["opted_out", "objected"],
    source: str,
    is_reported: bool = True,
) -> set[str]:
    """Suppress mailboxes and the contacts that have them now, cancel their mail, and tell each CRM that can be told.

    A mailbox is suppressed even if no contact has it: contacts that come later are not contacted either.

    Args:
        ctx: the application context.
        session: the transaction.
        mailboxes: hashes of the mailboxes.
        recipient: a contact that got the mail, whatever mailbox it has now.
        reason: of the suppression.
        source: where the opt-out came from.
        is_reported: False for opt-outs from an archive, of which neither a CRM nor a webhook is told.

    Returns:
        The queues with new work.
    """
    now = ctx.clock()
    rows = [*load_contacts_of(session, mailboxes), *([recipient] if recipient is not None else [])]
    contact_by_id = {row.id: row for row in (surviving_contact(session, row) for row in rows)}
    subjects = {*map(mailbox_subject, mailboxes), *(person_subject(contact_id or 0) for contact_id in contact_by_id)}
    added = set(suppress(ctx, session, sorted(subjects), reason, source=source, is_reported=is_reported))
    contacts = [
        contact for contact in contact_by_id.values()
        if not added.isdisjoint(contact_subjects(contact.id or 0, contact.mailbox))
    ]  # fmt: skip
    for contact in contacts:
        cancel_mail(ctx, session, contact, reason=f"suppressed: {reason}")
    opt_outs = [
        NewDelivery(
            connection=contact.connection,
            action="write_opt_out",
            subject=vendor_id_subject(contact.connection, contact.vendor_id),
            due_at=now,
            contact_id=contact.id,
        )
        for contact in contacts
        if is_reported and ctx.carries_out(contact.connection, ctx.actions["write_opt_out"])
    ]
    return enqueue_deliveries(session, opt_outs, now, skip_existing=True).queue_names


def _test_or_unknown_page(ctx: Context, token: str, *, is_done: bool) -> UnsubscribePage:
    """The page of a test mail, whose link stops nothing."""
    link = ctx.links.read_test(token)
    if link is None:
        return UnsubscribePage(state="unknown", language=ctx.settings.core.language)
    return UnsubscribePage(state="done" if is_done else "open", language=link.language)


def _build_page(ctx: Context, session: Session, mailbox: str, *, is_done: bool) -> UnsubscribePage:
    contact = next(iter(load_mailbox_contacts(session, mailbox)), None)
    return UnsubscribePage(
        state="done" if is_done else "open",
        language=choose_language([contact.language if contact else None], ctx.settings.core.languages),
        mailbox=mask_email(contact.email) if contact is not None and contact.email else None,
    )


def mask_email(email: str) -> str:
    """An address that its owner recognises and nobody else can use."""
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}***@{domain}"
