"""Apply the suppressions of journals to a restored database."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.subjects import mailbox_subject, person_subject, vendor_id_subject
from nps_connect.ledger.suppression_journal import JournalEntry
from nps_connect.ledger.suppressions import SuppressionRow
from nps_connect.ledger.tables import ContactRow
from nps_connect.services.contacts.store import load_mailbox_contacts
from nps_connect.services.context import Context
from nps_connect.services.suppressions.erasure import erase_contacts
from nps_connect.services.suppressions.opt_out import apply_opt_outs
from nps_connect.services.suppressions.store import (
    ERASED,
    WITHDRAWN_PREFIX,
    suppress,
    suppress_erased_mailboxes,
    withdraw,
)
from nps_connect.services.suppressions.vendor_erasure import enqueue_vendor_erasures

SOURCE = "journal"
SCAN_BATCH_SIZE = 10_000
MAILBOX_PREFIX = mailbox_subject("")
OPT_OUT_REASONS: dict[str, Literal["opted_out", "objected"]] = {"opted_out": "opted_out", "objected": "objected"}


class ReplayResult(NamedTuple):
    """What a replay did.

    Attributes:
        applied: entries that were applied.
        undecryptable: entries that no configured signing key decrypts.
    """

    applied: int
    undecryptable: int


def replay_journals(ctx: Context, paths: Sequence[Path], *, since: datetime) -> ReplayResult:
    """Apply what the journals hold since a moment, each entry in a transaction of its own. Idempotent.

    An opt-out is also reported to the CRM again, and an erased person is erased again. Entries of other hosts are
    appended to the journal of this one.

    Args:
        ctx: the application context.
        paths: the journals.
        since: older entries are left out.

    Raises:
        NpsConnectError: a journal cannot be read.
    """
    entries = _drop_outdated({path: [e for e in ctx.journal.read(path) if e.at >= since] for path in paths})
    subjects = {entry.subject for listed in entries.values() for entry in listed if entry.subject is not None}
    contact_ids = _find_by_vendor_id(ctx, {subject for subject in subjects if not _is_mailbox(subject)})
    undecryptable = 0
    for path, listed in entries.items():
        replaying = replace(ctx, journal=ctx.journal.without_file()) if path == ctx.journal.path else ctx
        for entry in listed:
            if entry.subject is None:
                undecryptable += 1
                continue
            with ctx.ledger.write() as session:
                _apply(replaying, session, entry.reason, entry.subject, contact_ids.get(entry.subject))
    return ReplayResult(sum(map(len, entries.values())) - undecryptable, undecryptable)


def _drop_outdated(entries: Mapping[Path, Sequence[JournalEntry]]) -> dict[Path, list[JournalEntry]]:
    """Return the entries without suppressions that were withdrawn later, and without withdrawals that did not last."""
    newest: dict[tuple[str, str | None], JournalEntry] = {}
    for entry in sorted((entry for listed in entries.values() for entry in listed), key=lambda entry: entry.at):
        newest[_identity(entry)] = entry
    return {
        path: [entry for entry in listed if entry.subject is None or entry.reason == newest[_identity(entry)].reason]
        for path, listed in entries.items()
    }


def _identity(entry: JournalEntry) -> tuple[str, str | None]:
    return entry.reason.removeprefix(WITHDRAWN_PREFIX), entry.subject


def _apply(ctx: Context, session: Session, reason: str, subject: str, contact_id: int | None) -> None:
    """Suppress a mailbox with the contacts that have it now, or the contact of a vendor id; or withdraw that."""
    if _is_mailbox(subject):
        mailbox: str | None = subject.removeprefix(MAILBOX_PREFIX)
        contacts = load_mailbox_contacts(session, mailbox or "")
    else:
        contact = session.get(ContactRow, contact_id) if contact_id is not None else None
        mailbox, contacts = contact.mailbox if contact is not None else None, [contact] if contact is not None else []
    suppressed = [subject] if _is_mailbox(subject) else [person_subject(contact.id or 0) for contact in contacts]
    if reason.startswith(WITHDRAWN_PREFIX):
        has_reason = col(SuppressionRow.reason) == reason.removeprefix(WITHDRAWN_PREFIX)
        query = select(SuppressionRow).where(col(SuppressionRow.subject).in_(suppressed), has_reason)
        withdraw(ctx, session, session.execute(query).scalars().all())
        return
    if reason == ERASED:
        for contact in contacts:
            enqueue_vendor_erasures(ctx, session, [contact])
        erase_contacts(ctx, session, contacts, source=SOURCE)
    elif reason in OPT_OUT_REASONS and mailbox is not None:
        recipient = contacts[0] if contacts else None
        apply_opt_outs(ctx, session, [mailbox], recipient=recipient, reason=OPT_OUT_REASONS[reason], source=SOURCE)
    if reason == ERASED and mailbox is not None and _is_mailbox(subject):
        suppress_erased_mailboxes(ctx, session, [mailbox], source=SOURCE)
    else:
        suppress(ctx, session, suppressed, reason, source=SOURCE)


def _is_mailbox(subject: str) -> bool:
    return subject.startswith(MAILBOX_PREFIX)


def _find_by_vendor_id(ctx: Context, subjects: Collection[str]) -> dict[str, int]:
    """Return the ids of contacts by the subject of their vendor id, which is a hash: all contacts are read."""
    contact_id_by_subject: dict[str, int] = {}
    if subjects:
        with ctx.ledger.read() as session:
            for contact_id, connection, vendor_id in _iterate_contacts(session):
                subject = vendor_id_subject(connection, vendor_id)
                if subject in subjects:
                    contact_id_by_subject[subject] = contact_id
    return contact_id_by_subject


def _iterate_contacts(session: Session) -> Iterator[tuple[int, str, str]]:
    query = select(col(ContactRow.id), col(ContactRow.connection), col(ContactRow.vendor_id))
    for row in session.execute(query.execution_options(yield_per=SCAN_BATCH_SIZE)):
        yield row.id, row.connection, row.vendor_id
