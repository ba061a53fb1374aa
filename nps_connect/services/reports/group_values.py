"""The values that a dimension has in any response, for choices."""

from __future__ import annotations

from sqlalchemy import select
from sqlmodel import Session

from nps_connect.ledger.daily_figures import TOUCHPOINT, DailyFigureRow, group_value
from nps_connect.records.base import NPS_SCALE


def load_group_values(session: Session, dimension: str) -> list[str]:
    """Return the values of a dimension in all confirmed responses, sorted: those of the daily figures."""
    figures = DailyFigureRow.__table__.c
    if dimension == "survey":
        query = select(figures.survey).where(
            figures.dimension == TOUCHPOINT, figures.scale == NPS_SCALE, figures.count > 0
        )
        query = query.distinct()
        return sorted(session.execute(query).scalars())
    is_used = (figures.dimension == dimension) & (figures.scale == NPS_SCALE) & (figures.count > 0)
    texts = session.execute(select(figures.dimensions).where(is_used).distinct()).scalars()
    return sorted(value for text in texts if (value := group_value(dimension, text)))
