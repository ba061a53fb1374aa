"""Write suppressions. Reading them is part of `services.contacts`, which every step may use."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from nps_connect.ledger.suppressions import SuppressionRow
from nps_connect.ledger.upserts import insert_many


def suppress(session: Session, subjects: Sequence[str], reason: str, *, source: str, now: datetime) -> int:
    """Store that these subjects must not be contacted; returns how many did not have this reason before.

    Args:
        session: the transaction.
        subjects: of contacts and mailboxes, see `ledger.subjects`.
        reason: such as ``opted_out``, ``bounced`` or ``erased``; a subject may have several.
        source: where the reason comes from.
        now: the present moment.
    """
    rows = [{"subject": subject, "reason": reason, "source": source, "created_at": now} for subject in subjects]
    return len(insert_many(session, SuppressionRow, rows, skip_existing=("subject", "reason"), returning=("id",)))
