"""How many cases there were, for the report."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlmodel import Session


def count_cases(session: Session, survey: str | None, begin: datetime | None, end: datetime | None) -> dict[str, int]:
    """Cases that were opened in a period: all, and those of them that are solved and recovered by now."""
    from sqlalchemy import func, select
    from sqlmodel import col

    from nps_connect.ledger.cases import CaseRow
    from nps_connect.ledger.tables import ResponseRow

    query = select(func.count(), func.count(col(CaseRow.solved_at)), func.count(col(CaseRow.recovered_at))).select_from(
        CaseRow
    )
    if survey is not None:
        query = query.join(ResponseRow, col(ResponseRow.id) == col(CaseRow.response_id))
        query = query.where(col(ResponseRow.survey) == survey)
    if begin is not None:
        query = query.where(col(CaseRow.opened_at) >= begin)
    if end is not None:
        query = query.where(col(CaseRow.opened_at) < end)
    opened, solved, recovered = session.execute(query).one()
    return {"opened": opened, "solved": solved, "recovered": recovered}
