"""Store who must not be contacted, and who was asked for a review, as another tool knows it.

Neither a CRM nor a webhook is told.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger import review_requests
from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.subjects import contact_subjects, mailbox_subject, person_subject
from nps_connect.ledger.suppressions import SuppressionRow
from nps_connect.ledger.tables import ContactRow
from nps_connect.records.contacts import Contact
from nps_connect.rules.imports.row_errors import RowError, RowErrors
from nps_connect.services.contacts.contact_batch import ContactRef, upsert_contacts
from nps_connect.services.contacts.store import load_contacts_of
from nps_connect.services.context import Context
from nps_connect.services.deliveries.cancel import cancel_mail
from nps_connect.services.imports.contact_rows import ImportedReviewInvitation, ImportedSuppression
from nps_connect.services.imports.match_contacts import ERASED_DETAIL
from nps_connect.services.imports.people import erased_mailboxes
from nps_connect.services.suppressions.opt_out import apply_opt_outs
from nps_connect.services.suppressions.store import suppress


def store_suppressions(
    ctx: Context,
    suppressions: Sequence[ImportedSuppression],
    totals: Counter[str],
    errors: RowErrors,
    *,
    source: str,
) -> None:
    """Suppress a batch of people in one transaction, cancel their mail, and append them to the journal.

    Args:
        ctx: the application context.
        suppressions: of a file.
        totals: counts each reason, and `already_suppressed`.
        errors: records the lines that are left out.
        source: where they come from.
    """
    with ctx.ledger.write() as session:
        erased = erased_mailboxes(ctx, session, {row.mailbox for row in suppressions if row.mailbox})
        contact_ids = _store_contacts(ctx, session, suppressions)
        remaining = []
        for row in suppressions:
            if row.mailbox in erased:
                errors.record(RowError(row.line, "erased", ERASED_DETAIL))
            elif row.mailbox is None and row.contact not in contact_ids:
                errors.record(
                    RowError(row.line, "no_contact", "there is no such connection, or the contact was erased")
                )
            else:
                remaining.append(row)
        existing = load_suppressed(session, remaining, contact_ids)
        for row in remaining:
            totals["already_suppressed" if row in existing else row.reason] += 1
        by_reason: dict[str, list[ImportedSuppression]] = defaultdict(list)
        for row in remaining:
            by_reason[row.reason].append(row)
        for reason, rows in sorted(by_reason.items()):
            mailboxes = {row.mailbox for row in rows if row.mailbox}
            people = [person_subject(contact_ids[row.contact]) for row in rows if row.contact in contact_ids]
            if people:
                suppress(ctx, session, sorted(people), reason, source=source, is_reported=False)
            if reason == "bounced":
                _suppress_bounced(ctx, session, mailboxes, source)
            else:
                apply_opt_outs(ctx, session, mailboxes, reason=reason, source=source, is_reported=False)  # type: ignore[arg-type]


def load_suppressed(
    session: Session, suppressions: Sequence[ImportedSuppression], contact_ids: dict[ContactRef, int] | None = None
) -> set[ImportedSuppression]:
    """Return those that are stored already, with this reason."""
    subject_by_row = {row: _subject(row, contact_ids or {}) for row in suppressions}
    query = select(col(SuppressionRow.subject), col(SuppressionRow.reason)).where(
        in_list(col(SuppressionRow.subject), "subjects")
    )
    subjects = [subject for subject in subject_by_row.values() if subject is not None]
    stored = {tuple(row) for row in session.execute(query, {"subjects": subjects}).all()}
    return {row for row, subject in subject_by_row.items() if (subject, row.reason) in stored}


def _subject(row: ImportedSuppression, contact_ids: dict[ContactRef, int]) -> str | None:
    if row.mailbox is not None:
        return mailbox_subject(row.mailbox)
    return person_subject(contact_ids[row.contact]) if row.contact in contact_ids else None


def _store_contacts(
    ctx: Context, session: Session, suppressions: Sequence[ImportedSuppression]
) -> dict[ContactRef, int]:
    """Return the ids of the contacts that the rows name; one of a configured connection is created with its id."""
    refs = {row.contact for row in suppressions if row.contact is not None}
    query = select(col(ContactRow.connection), col(ContactRow.vendor_id), col(ContactRow.id))
    rows = session.execute(
        query.where(in_list(col(ContactRow.vendor_id), "ids")), {"ids": [vendor_id for _, vendor_id in refs]}
    ).all()
    ids = {(connection, vendor_id): row_id or 0 for connection, vendor_id, row_id in rows}
    missing = [ref for ref in refs - ids.keys() if ref[0] in ctx.connections]
    contacts = [Contact(connection=connection, id=vendor_id) for connection, vendor_id in missing]
    stored = upsert_contacts(session, contacts, ctx.clock())
    return {ref: ids[ref] for ref in refs & ids.keys()} | {ref: contact.id for ref, contact in stored.items()}


def _suppress_bounced(ctx: Context, session: Session, mailboxes: set[str], source: str) -> None:
    """Suppress mailboxes that do not exist; their contacts may be reached under another address."""
    added = set(
        suppress(ctx, session, sorted(map(mailbox_subject, mailboxes)), "bounced", source=source, is_reported=False)
    )
    for contact in load_contacts_of(session, mailboxes):
        if mailbox_subject(contact.mailbox or "") in added:
            cancel_mail(ctx, session, contact, reason="suppressed: bounced")


def store_review_invitations(
    ctx: Context, invitations: Sequence[ImportedReviewInvitation], totals: Counter[str], errors: RowErrors
) -> None:
    """Record a batch of review invitations by mailbox and by the contacts that have it now."""
    with ctx.ledger.write() as session:
        mailboxes = {invitation.mailbox for invitation in invitations}
        erased = erased_mailboxes(ctx, session, mailboxes)
        subjects = {mailbox: [mailbox_subject(mailbox)] for mailbox in mailboxes}
        for contact in load_contacts_of(session, mailboxes):
            subjects[contact.mailbox or ""] += contact_subjects(contact.id or 0, None)
        reservations = []
        for row in invitations:
            if row.mailbox in erased:
                errors.record(RowError(row.line, "erased", ERASED_DETAIL))
                continue
            until = row.sent_at + ctx.settings.reviews.cooldown
            reservations += review_requests.build_reservations(
                subjects[row.mailbox], row.platform, response_id=None, until=until
            )
        changed = review_requests.record_sent(session, reservations)
    totals["new" if changed else "already_imported"] += len(invitations)
