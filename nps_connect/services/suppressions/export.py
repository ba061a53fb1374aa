"""Export of suppressions, for another installation: hashes of mailboxes and ids of contacts, no addresses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.subjects import mailbox_subject
from nps_connect.ledger.suppressions import SuppressionRow
from nps_connect.ledger.tables import ContactRow
from nps_connect.services.suppressions.store import PERSON_PREFIX

PAGE_SIZE = 1000
EXPORTED_REASONS = ("opted_out", "bounced", "objected")
"""Not exported: who was erased, which only a keyed hash says, and what is unknown since a restore."""

SUPPRESSION_COLUMNS = ("mailbox", "contact", "reason", "source", "since")

_MAILBOX_PREFIX = mailbox_subject("")


def export_suppressions(ledger: Ledger, zone: tzinfo, *, page: int = PAGE_SIZE) -> Iterator[dict[str, Any]]:
    """Yield the suppressions as `SUPPRESSION_COLUMNS`, oldest first; no transaction stays open between pages."""
    after = 0
    while True:
        query = (
            select(SuppressionRow)
            .where(col(SuppressionRow.reason).in_(EXPORTED_REASONS), col(SuppressionRow.id) > after)
            .order_by(col(SuppressionRow.id))
            .limit(page)
        )
        with ledger.read() as session:
            rows = session.execute(query).scalars().all()
            ids = [int(row.subject.removeprefix(PERSON_PREFIX)) for row in rows if _is_person(row)]
            contacts = select(col(ContactRow.id), col(ContactRow.connection), col(ContactRow.vendor_id))
            contact_rows = session.execute(contacts.where(col(ContactRow.id).in_(ids))).all() if ids else []
        contact_by_subject = {f"{PERSON_PREFIX}{row.id}": f"{row.connection}:{row.vendor_id}" for row in contact_rows}
        for row in rows:
            yield {
                "mailbox": None if _is_person(row) else row.subject.removeprefix(_MAILBOX_PREFIX),
                "contact": contact_by_subject.get(row.subject),
                "reason": row.reason,
                "source": row.source,
                "since": row.created_at.astimezone(zone),
            }
        if len(rows) < page:
            return
        after = rows[-1].id or 0


def _is_person(row: SuppressionRow) -> bool:
    return row.subject.startswith(PERSON_PREFIX)
