"""Suppressions that an operator adds, removes and lists. Each change is recorded in the audit log."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, select
from sqlmodel import Session, col

from nps_connect.errors import NpsConnectError
from nps_connect.ledger.audit_log import Actor, record_audit
from nps_connect.ledger.list_page import PageKey, load_page
from nps_connect.ledger.subjects import mailbox_subject, person_subject
from nps_connect.ledger.suppressions import SuppressionRow
from nps_connect.ledger.tables import ContactRow
from nps_connect.services.context import Context
from nps_connect.services.suppressions.opt_out import apply_opt_outs
from nps_connect.services.suppressions.store import erasure_subjects, withdraw

SOURCE = "operator"
CONSENT_REASONS = ("opted_out", "objected")
"""Reasons that the person gave: only the person's consent ends them."""


class ConsentMissing(NpsConnectError):
    """A person who opted out has not agreed to get mail again."""


class ListedSuppression(NamedTuple):
    """A suppression, with a contact that it concerns now, if any."""

    row: SuppressionRow
    contact: ContactRow | None


def suppress_by_operator(
    ctx: Context, session: Session, mailboxes: Collection[str], actor: Actor, *, reason: str
) -> set[str]:
    """Opt the people of mailboxes out, as if they had used their unsubscribe link; return the queues with new work.

    Args:
        ctx: the application context.
        session: the transaction.
        mailboxes: their hashes.
        actor: who does it.
        reason: for the audit log.
    """
    queues: set[str] = set()
    for mailbox in sorted(mailboxes):
        queues |= apply_opt_outs(ctx, session, [mailbox], reason="opted_out", source=SOURCE)
        record_audit(session, actor, "suppressions add", mailbox_subject(mailbox), now=ctx.clock(), reason=reason)
    return queues


def remove_by_operator(
    ctx: Context, session: Session, subjects: Collection[str], actor: Actor, *, reason: str, has_consent: bool
) -> list[str]:
    """Delete all suppressions of a person; return their reasons.

    Args:
        ctx: the application context.
        session: the transaction.
        subjects: of the person's contacts and mailboxes.
        actor: who does it.
        reason: for the audit log.
        has_consent: the person agreed to get mail again.

    Raises:
        NpsConnectError: there is none, or the person was erased.
        ConsentMissing: the person opted out and has not agreed.
    """
    prefix = mailbox_subject("")
    mailboxes = [subject.removeprefix(prefix) for subject in subjects if subject.startswith(prefix)]
    subjects = {*subjects, *(subject for mailbox in mailboxes for subject in erasure_subjects(ctx, mailbox))}
    query = select(SuppressionRow).where(col(SuppressionRow.subject).in_(subjects)).order_by(col(SuppressionRow.id))
    rows = session.execute(query.with_for_update()).scalars().all()
    reasons = sorted({row.reason for row in rows})
    if not rows:
        raise NpsConnectError("this person is not suppressed; see: nps-connect suppressions list")
    if "erased" in reasons:
        raise NpsConnectError("this person was erased and is never contacted again")
    if not has_consent and not set(reasons).isdisjoint(CONSENT_REASONS):
        raise ConsentMissing("this person opted out; if they have agreed to get mail again: --i-have-consent")
    withdraw(ctx, session, rows)
    for subject in sorted({row.subject for row in rows}):
        record_audit(session, actor, "suppressions remove", subject, now=ctx.clock(), reason=reason)
    return reasons


def list_suppressions(
    session: Session,
    *conditions: ColumnElement[bool],
    limit: int,
    after: PageKey | None = None,
) -> tuple[list[ListedSuppression], PageKey | None]:
    """Return one page of the suppressions that match all conditions, newest first, and where it ends."""
    query = select(SuppressionRow).where(*conditions)
    page = load_page(session, query, [col(SuppressionRow.id)], limit=limit, after=after)
    rows: list[SuppressionRow] = [row for (row,) in page.rows]
    contact_by_subject = _load_contacts(session, [row.subject for row in rows])
    return [ListedSuppression(row, contact_by_subject.get(row.subject)) for row in rows], page.next_key


def _load_contacts(session: Session, subjects: Sequence[str]) -> dict[str, ContactRow]:
    """Return a contact by subject."""
    person_prefix, mailbox_prefix = person_subject(0).removesuffix("0"), mailbox_subject("")
    ids = [int(s.removeprefix(person_prefix)) for s in subjects if s.startswith(person_prefix)]
    mailboxes = [s.removeprefix(mailbox_prefix) for s in subjects if s.startswith(mailbox_prefix)]
    query = select(ContactRow).where(col(ContactRow.id).in_(ids) | col(ContactRow.mailbox).in_(mailboxes))
    contact_by_subject: dict[str, ContactRow] = {}
    for row in session.execute(query.order_by(col(ContactRow.id).desc())).scalars():
        contact_by_subject[person_subject(row.id or 0)] = row
        if row.mailbox:
            contact_by_subject[mailbox_subject(row.mailbox)] = row
    return contact_by_subject
