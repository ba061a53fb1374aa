"""Store the surveys that another tool sent or scheduled, so that nobody is asked again too early."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger import cooldowns
from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.subjects import contact_subjects
from nps_connect.ledger.tables import InvitationRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.rules.imports.row_errors import RowErrors
from nps_connect.services.contacts.contact_batch import StoredContact
from nps_connect.services.context import Context
from nps_connect.services.imports.contact_rows import ImportedInvitation
from nps_connect.services.imports.match_contacts import (
    ImportTarget,
    invitation_columns,
    match_contacts,
    store_contacts,
)

INVITATION_TOTALS = ("new", "already_imported", "only_scheduled", "in_cooldown")
"""Counted invitations; `only_scheduled` were never sent. `in_cooldown` are so recent, or the next survey so far ahead,
that they block a survey now."""


class ImportedCooldown(NamedTuple):
    """The cooldown that an imported invitation means.

    Attributes:
        contact: whom.
        invitation_id: of the invitation, or None.
        until: its end (UTC).
    """

    contact: StoredContact
    invitation_id: int | None
    until: datetime


def store_invitations(
    ctx: Context,
    target: ImportTarget,
    invitations: Sequence[ImportedInvitation],
    totals: Counter[str],
    errors: RowErrors,
) -> None:
    """Store a batch of invitations in one transaction; stored ones are left unchanged.

    Raises:
        DeliveryError: the connection cannot look the people up.
    """
    people = match_contacts(ctx, target, [invitation.person for invitation in invitations], errors)
    if not people:
        return
    with ctx.ledger.write() as session:
        contacts = store_contacts(ctx, session, people, errors)
        remaining = [invitation for invitation in invitations if invitation.person in contacts]
        sent = [invitation for invitation in remaining if invitation.sent_at is not None]
        rows = [_row(ctx, target, invitation, contacts[invitation.person]) for invitation in sent]
        inserted = insert_many(session, InvitationRow, rows, skip_existing=("public_id",), returning=("id",))
        ids = _load_ids(session, [row["public_id"] for row in rows])
        id_by_key = {invitation.key: ids[row["public_id"]] for invitation, row in zip(sent, rows, strict=True)}
        planned = [
            ImportedCooldown(contacts[item.person], id_by_key.get(item.key), _end(ctx, item)) for item in remaining
        ]
        totals["in_cooldown"] += extend_cooldowns(ctx, session, planned)
    totals["new"] += len(inserted)
    totals["only_scheduled"] += len(remaining) - len(sent)
    totals["already_imported"] += len(sent) - len(inserted)


def extend_cooldowns(ctx: Context, session: Session, items: Sequence[ImportedCooldown]) -> int:
    """Let the cooldowns last at least as long as imported invitations say; return how many of these are not over."""
    now, running = ctx.clock(), 0
    rows: dict[str, dict[str, Any]] = {}
    for contact, invitation_id, until in items:
        if until <= now:
            continue
        running += 1
        for subject in contact_subjects(contact.id, contact.mailbox):
            if subject not in rows or rows[subject]["until"] < until:
                rows[subject] = {"subject": subject, "until": until, "invitation_id": invitation_id}
    cooldowns.extend_all(session, [rows[subject] for subject in sorted(rows)])
    return running


def _row(ctx: Context, target: ImportTarget, invitation: ImportedInvitation, contact: StoredContact) -> dict[str, Any]:
    sent_at = invitation.sent_at or ctx.clock()
    return invitation_columns(ctx, target, invitation.person, contact, key=invitation.key, sent_at=sent_at)


def _load_ids(session: Session, public_ids: Sequence[str]) -> dict[str, int]:
    query = select(col(InvitationRow.public_id), col(InvitationRow.id))
    query = query.where(in_list(col(InvitationRow.public_id), "ids"))
    return {public_id: row_id or 0 for public_id, row_id in session.execute(query, {"ids": list(public_ids)}).all()}


def _end(ctx: Context, invitation: ImportedInvitation) -> datetime:
    """Return when the person may be asked again: after the cooldown, and not before the other tool would have."""
    ends = [invitation.next_due_at] if invitation.next_due_at is not None else []
    if invitation.sent_at is not None:
        ends.append(invitation.sent_at + ctx.settings.limits.cooldown)
    return max(ends)
