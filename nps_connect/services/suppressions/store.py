"""Write suppressions. Reading them is part of `services.contacts`, which every step may use."""

from __future__ import annotations

import hmac
from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.observations import record_observation
from nps_connect.ledger.subjects import (
    erased_subject,
    mailbox_subject,
    mailbox_subjects,
    person_subject,
    vendor_id_subject,
)
from nps_connect.ledger.suppressions import SuppressionRow
from nps_connect.ledger.tables import ContactRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.services.context import Context
from nps_connect.services.webhooks.enqueue import enqueue_suppression_webhooks

ERASED = "erased"
ERASURE_KEY_ID_LENGTH = 12
WITHDRAWN_PREFIX = "withdrawn:"
"""Of a reason in the journal: the suppression was deleted."""

PERSON_PREFIX = person_subject(0).removesuffix("0")


def suppress(
    ctx: Context,
    session: Session,
    subjects: Sequence[str],
    reason: str,
    *,
    source: str,
    is_reported: bool = True,
) -> list[str]:
    """Store that these subjects must not be contacted; returns those that did not have this reason before.

    Those are appended to the journal too, before the transaction ends.

    Args:
        ctx: the application context.
        session: the transaction.
        subjects: of contacts and mailboxes, see `ledger.subjects`.
        reason: such as ``opted_out``, ``bounced`` or ``erased``; a subject may have several.
        source: where the reason comes from.
        is_reported: False for suppressions from an archive, of which no webhook tells.
    """
    now = ctx.clock()
    rows = [{"subject": subject, "reason": reason, "source": source, "created_at": now} for subject in subjects]
    inserted = insert_many(session, SuppressionRow, rows, skip_existing=("subject", "reason"), returning=("subject",))
    added = [subject for (subject,) in inserted]
    ctx.journal.append(reason, _lasting_subjects(session, added), now)
    if is_reported and reason != ERASED:  # which has a webhook of its own
        enqueue_suppression_webhooks(ctx, session, added, reason)
    return added


def suppress_erased_mailboxes(ctx: Context, session: Session, mailboxes: Sequence[str], *, source: str) -> None:
    """Store under keyed hashes that these mailboxes were erased; the journal has them encrypted, for other databases.

    Args:
        ctx: the application context.
        session: the transaction.
        mailboxes: their hashes.
        source: where the erasure comes from.
    """
    now, key = ctx.clock(), ctx.erasure_keys[0]
    rows = [
        {"subject": erased_subject(key, mailbox), "reason": ERASED, "source": source, "created_at": now}
        for mailbox in sorted(mailboxes)
    ]
    if insert_many(session, SuppressionRow, rows, skip_existing=("subject", "reason"), returning=("subject",)):
        record_observation(session, "erasure_key", erasure_key_id(key), now=now)
        ctx.journal.append(ERASED, [mailbox_subject(mailbox) for mailbox in sorted(mailboxes)], now)


def erasure_key_id(key: bytes) -> str:
    """Return a short id of a key of `Context.erasure_keys`, which tells nothing about it."""
    return hmac.digest(key, b"nps_connect.erasure_key_id", "sha256").hex()[:ERASURE_KEY_ID_LENGTH]


def erasure_subjects(ctx: Context, mailbox: str) -> list[str]:
    """Return the subjects under which it is stored that a mailbox, given as hash, was erased."""
    return mailbox_subjects(mailbox, ctx.erasure_keys)


def withdraw(ctx: Context, session: Session, rows: Sequence[SuppressionRow]) -> None:
    """Delete suppressions that do not apply any more; the journal keeps that, for a restored database.

    Args:
        ctx: the application context.
        session: the transaction.
        rows: what to delete.
    """
    subjects_by_reason: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        subjects_by_reason[row.reason].append(row.subject)
        session.delete(row)
    session.flush()
    for reason, subjects in subjects_by_reason.items():
        ctx.journal.append(WITHDRAWN_PREFIX + reason, _lasting_subjects(session, subjects), ctx.clock())


def _lasting_subjects(session: Session, subjects: Sequence[str]) -> list[str]:
    """Return the subjects with vendor ids instead of row ids, which a restored database gives to other people."""
    contact_ids = [int(subject.removeprefix(PERSON_PREFIX)) for subject in subjects if _is_person(subject)]
    query = select(col(ContactRow.connection), col(ContactRow.vendor_id)).where(col(ContactRow.id).in_(contact_ids))
    contacts = session.execute(query).all() if contact_ids else []
    lasting = [vendor_id_subject(connection, vendor_id) for connection, vendor_id in contacts]
    return [*(subject for subject in subjects if not _is_person(subject)), *lasting]


def _is_person(subject: str) -> bool:
    return subject.startswith(PERSON_PREFIX)
