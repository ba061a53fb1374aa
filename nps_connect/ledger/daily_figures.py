"""Figures per day, which stay when the rows that they count are deleted or emptied."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, tzinfo
from typing import Any, NamedTuple

from pydantic_core import to_json
from sqlalchemy import Date
from sqlmodel import Field, Session, col

from nps_connect.ledger.columns import Base
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.base import NPS_SCALE

VERDICTS = "verdicts"
"""In place of a scale: decisions of triggers, counted when they are deleted."""


class DailyFigureRow(Base, table=True):
    """How often one value occurred on one day.

    Confirmed responses are counted in the transaction that writes them, under the values that their newest revision
    has; an erasure leaves the count.

    Attributes:
        day: in the company's time zone.
        survey: the survey.
        dimensions: what else it is counted by, as a JSON object with sorted names: ``{"touchpoint":"delivery"}``.
        scale: the scale of the scores, or `VERDICTS`.
        value: the score, or the verdict and its reason.
        count: how many; 0 after all of them moved to other values.
    """

    __tablename__ = "daily_figures"

    day: date = Field(primary_key=True, sa_type=Date)
    survey: str = Field(primary_key=True, max_length=40)
    dimensions: str = Field(primary_key=True)
    scale: str = Field(primary_key=True, max_length=20)
    value: str = Field(primary_key=True, max_length=60)
    count: int = 0


class Figure(NamedTuple):
    """The key of a row of `daily_figures`."""

    day: date
    survey: str
    dimensions: str
    scale: str
    value: str


def response_figure(
    zone: tzinfo, answered_at: datetime, survey: str, touchpoint: str, score: int, scale: str = NPS_SCALE
) -> Figure:
    """Return the figure in which a confirmed response counts.

    Args:
        zone: of the company.
        answered_at: of its newest revision.
        survey, touchpoint: of the response.
        score: of its newest revision.
        scale: of the score.
    """
    dimensions = to_json({"touchpoint": touchpoint}).decode()
    return Figure(answered_at.astimezone(zone).date(), survey, dimensions, scale, str(score))


def verdict_figure(
    zone: tzinfo, decided_at: datetime, survey: str, connection: str, verdict: str, reason: str
) -> Figure:
    """Return the figure in which a decision counts: ``no cooldown``, ``yes matched`` and so on."""
    dimensions = to_json({"connection": connection}).decode()
    return Figure(decided_at.astimezone(zone).date(), survey, dimensions, VERDICTS, f"{verdict} {reason}")


def add_to_figures(session: Session, changes: Mapping[Figure, int]) -> None:
    """Add to figures, which start at 0.

    Call it as the last statement that can wait for others: transactions of one survey change the same rows. Sorted, so
    that they lock them in one order.
    """
    rows = [
        {**figure._asdict(), "day": figure.day.isoformat(), "count": change}
        for figure, change in sorted(changes.items())
        if change
    ]
    insert_many(session, DailyFigureRow, rows, on_conflict=_add_count)


def _add_count(statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert
    count = col(DailyFigureRow.count) + statement.excluded.count
    return statement.on_conflict_do_update(index_elements=Figure._fields, set_={"count": count})
