"""Figures per day, which stay when the rows that they count are deleted or emptied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, tzinfo
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json
from sqlalchemy import Date
from sqlmodel import JSON, Field, Session, col

from nps_connect.ledger.columns import WITHOUT_ROWID, Base
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.base import NPS_SCALE

VERDICTS = "verdicts"
"""In place of a scale: decisions of triggers, counted when they are deleted."""

TOUCHPOINT = "touchpoint"
CONNECTION = "connection"
RESPONSE_DIMENSIONS = (TOUCHPOINT, "language", "collected_by")
"""Columns of responses that are dimensions."""


class DailyFigureRow(Base, table=True):
    """How often one value occurred on one day.

    Confirmed responses are counted in the transaction that writes them, under the values that their newest revision
    has; an erasure leaves the count. A response counts once in each family of rows: one family per dimension, and one
    row of it per value of that dimension. A response in several teams counts in each of them.

    Attributes:
        dimension: by what the rows of a family are counted: `TOUCHPOINT`, in which every response counts, another
            property of responses, `TEAM`, or a name of `[core.dimensions]`.
        day: in the company's time zone.
        survey: the survey.
        dimensions: the value of the dimension, as a JSON object: ``{"touchpoint":"delivery"}``.
        scale: the scale of the scores, or `VERDICTS`.
        value: the score, or the verdict and its reason.
        count: how many; 0 after all of them moved to other values.
    """

    __tablename__ = "daily_figures"
    __table_args__ = ({"info": {WITHOUT_ROWID: True}},)  # a family is read in the order of its days

    dimension: str = Field(primary_key=True, max_length=40)
    day: date = Field(primary_key=True, sa_type=Date)
    survey: str = Field(primary_key=True, max_length=40)
    dimensions: str = Field(primary_key=True)
    scale: str = Field(primary_key=True, max_length=20)
    value: str = Field(primary_key=True, max_length=60)
    count: int = 0


class Figure(NamedTuple):
    """The key of a row of `daily_figures`."""

    dimension: str
    day: date
    survey: str
    dimensions: str
    scale: str
    value: str


class CountedResponse(NamedTuple):
    """What of a confirmed response decides in which figures it counts; `groups`: rows of `response_dimensions`."""

    answered_at: datetime
    survey: str
    touchpoint: str
    language: str
    collected_by: str
    score: int
    scale: str = NPS_SCALE
    groups: Sequence[tuple[str, str]] = ()


def group_json(dimension: str, value: str) -> str:
    """Return the content of the column `dimensions` for a value of a dimension."""
    return to_json({dimension: value}).decode()


def group_value(dimension: str, dimensions: str) -> str:
    """Return the value of a dimension from the content of the column `dimensions`."""
    value: str = from_json(dimensions)[dimension]
    return value


def response_figures(zone: tzinfo, response: CountedResponse) -> list[Figure]:
    """Return the figures in which a confirmed response counts: one per dimension, and one per team.

    Args:
        zone: of the company.
        response: in its newest revision.
    """
    day = response.answered_at.astimezone(zone).date()
    groups = [(name, getattr(response, name)) for name in RESPONSE_DIMENSIONS]
    return [
        Figure(name, day, response.survey, group_json(name, value), response.scale, str(response.score))
        for name, value in (*groups, *response.groups)
    ]


def verdict_figure(
    zone: tzinfo, decided_at: datetime, survey: str, connection: str, verdict: str, reason: str
) -> Figure:
    """Return the figure in which a decision counts: ``no cooldown``, ``yes matched`` and so on."""
    group = group_json(CONNECTION, connection)
    day = decided_at.astimezone(zone).date()
    return Figure(CONNECTION, day, survey, group, VERDICTS, f"{verdict} {reason}")


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


class FigureSettingsRow(Base, table=True):
    """The settings with which the figures of stored responses were made; one row.

    Attributes:
        zone: name of the company's time zone.
        dimensions: field by name of the dimension.
        teams: fingerprint of the definition by name of the team.
    """

    __tablename__ = "figure_settings"

    id: int = Field(primary_key=True)
    zone: str = Field(max_length=60)
    dimensions: dict[str, str] = Field(sa_type=JSON)
    teams: dict[str, str] = Field(sa_type=JSON)
