"""The newest responses of a filter, and how they were collected, where reading all would let a page wait."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Select, func, select
from sqlmodel import Session, col

from nps_connect.ledger.tables import ResponseRow
from nps_connect.services.reports.filters import ResponseFilter

MAX_RESPONSES = 20_000
"""Responses that are read one by one for a page."""


def limit_filter(session: Session, responses: ResponseFilter) -> ResponseFilter:
    """Return a filter that begins late enough to accept about `MAX_RESPONSES` at most: the newest."""
    answered_at = col(ResponseRow.answered_at)
    query = select(answered_at).where(*responses.conditions(), answered_at.is_not(None))
    start = session.execute(query.order_by(answered_at.desc()).offset(MAX_RESPONSES).limit(1)).scalar()
    return responses if start is None else replace(responses, start=start)


def count_ways(session: Session, responses: ResponseFilter, maximum: int) -> dict[str, int]:
    """Return how many of the newest responses of a filter were collected in each way."""
    way = col(ResponseRow.collected_by)
    query_of_newest: Select[tuple[str]] = select(way.label("way")).where(*responses.conditions())
    sample = query_of_newest.order_by(col(ResponseRow.answered_at).desc()).limit(maximum).subquery()
    query = select(sample.c.way, func.count()).group_by(sample.c.way).order_by(sample.c.way)
    return {name: int(count) for name, count in session.execute(query)}
