"""Numbers of responses by survey and segment, from which the NPS is computed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import case, func, select
from sqlmodel import Session, col

from nps_connect.ledger.tables import ResponseRow
from nps_connect.records.base import NPS_SCALE
from nps_connect.records.responses import segment_of
from nps_connect.services.contacts.store import confirmed_clause

Counts = dict[str, dict[str, int]]
ALL_SURVEYS = "all surveys"


def count_responses(
    session: Session, survey: str | None, start: datetime | None, end: datetime | None, *, latest: bool
) -> Counts:
    """Return the number of responses by survey and segment; the key `ALL_SURVEYS` holds the totals."""
    clause = confirmed_clause()
    at = case((col(ResponseRow.revision) > 0, col(ResponseRow.answered_at)), else_=col(ResponseRow.provisional_at))
    score = case((col(ResponseRow.revision) > 0, col(ResponseRow.score)), else_=col(ResponseRow.provisional_score))
    columns = [col(ResponseRow.survey).label("survey"), score.label("score"), clause.label("confirmed")]
    if latest:  # only then: the order of a million responses takes seconds
        newest = func.row_number().over(
            partition_by=(clause, col(ResponseRow.contact_id)),
            order_by=(at.desc(), col(ResponseRow.id).desc()),
        )
        columns.append(newest.label("rank"))
    responses = select(*columns).where(score.is_not(None), col(ResponseRow.scale) == NPS_SCALE)
    if survey is not None:
        responses = responses.where(col(ResponseRow.survey) == survey)
    if start is not None:
        responses = responses.where(at >= start)
    if end is not None:
        responses = responses.where(at < end)
    selected = responses.subquery()
    query = select(selected.c.survey, selected.c.score, selected.c.confirmed, func.count())
    if latest:
        query = query.where(selected.c.rank == 1)
    query = query.group_by(selected.c.survey, selected.c.score, selected.c.confirmed).order_by(selected.c.survey)
    names = ("promoters", "passives", "detractors", "provisional")
    counts: Counts = {ALL_SURVEYS: dict.fromkeys(names, 0)}
    for name, value, is_confirmed, number in session.execute(query):
        column = f"{segment_of(value)}s" if is_confirmed else "provisional"
        for group in (name, ALL_SURVEYS):
            counts.setdefault(group, dict.fromkeys(names, 0))[column] += number
    return counts
