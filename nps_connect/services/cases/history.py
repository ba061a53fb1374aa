"""What staff did about cases."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.cases import CaseEntryRow


def load_entries(session: Session, case_ids: Collection[int]) -> list[CaseEntryRow]:
    """Return the history of cases, oldest first."""
    query = select(CaseEntryRow).where(col(CaseEntryRow.case_id).in_(case_ids))
    return list(session.execute(query.order_by(col(CaseEntryRow.at), col(CaseEntryRow.id))).scalars())
