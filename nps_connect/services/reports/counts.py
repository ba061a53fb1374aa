"""Numbers of responses for a filter: in total, by bucket of days, and by dimension.

They are read from the daily figures where the filter allows it, whose number depends on the days and not on the
responses; else from the responses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, tzinfo
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, case, func, literal, select, text
from sqlmodel import Session

from nps_connect.ledger.bulk_sql import without_index
from nps_connect.ledger.daily_figures import (
    RESPONSE_DIMENSIONS,
    TOUCHPOINT,
    DailyFigureRow,
    group_json,
    group_value,
)
from nps_connect.ledger.response_dimensions import TEAM, ResponseDimensionRow
from nps_connect.ledger.tables import ResponseRow
from nps_connect.ledger.unconfirmed import IS_UNCONFIRMED
from nps_connect.records.base import NPS_SCALE
from nps_connect.rules.report_period import BucketUnit, bucket_starts, day_start
from nps_connect.rules.score_counts import BucketCounts, ScoreCounts
from nps_connect.services.reports.filters import NOT_STATED, ResponseFilter

__all__ = [
    "BucketCounts",
    "ScoreCounts",
    "count_by_bucket",
    "count_by_dimension",
    "count_by_dimension_and_bucket",
    "count_scores",
]

SURVEY = "survey"
_ALL = ""
_KEYS = ("group_name", "bucket", "score_key")
"""Labels: a database does not recognise an expression with parameters when it is repeated in GROUP BY."""


class _Cell(NamedTuple):
    """Confirmed responses of one group, bucket and score."""

    group: str
    bucket: int
    score: int
    number: int


def count_scores(session: Session, zone: tzinfo, response_filter: ResponseFilter) -> ScoreCounts:
    """Return the responses that a filter accepts, by score, with the provisional ones."""
    cells = _load_cells(session, zone, response_filter)
    provisional = _count_provisional(session, response_filter, None)
    return ScoreCounts.of_scores(((cell.score, cell.number) for cell in cells), sum(provisional.values()))


def count_by_bucket(
    session: Session, zone: tzinfo, response_filter: ResponseFilter, unit: BucketUnit
) -> list[BucketCounts]:
    """Return the confirmed responses of each day, week or month of the filter's period, empty ones included.

    Raises:
        ValueError: the filter has no start or no end.
    """
    starts, end = _buckets(response_filter, zone, unit)
    cells = _load_cells(session, zone, response_filter, starts=starts)
    return _fill_buckets(cells, starts, end)


def count_by_dimension(
    session: Session, zone: tzinfo, response_filter: ResponseFilter, dimension: str
) -> dict[str, ScoreCounts]:
    """Return the responses by value of a dimension, in the order of the values.

    Args:
        session: to read with.
        zone: of the company.
        response_filter: which responses count.
        dimension: ``survey``, ``touchpoint``, ``language``, ``collected_by``, ``team``, or one of
            ``[core.dimensions]``, where `NOT_STATED` stands for responses without a value. A response in several teams
            counts in each of them.
    """
    by_group: dict[str, list[_Cell]] = defaultdict(list)
    for cell in _load_cells(session, zone, response_filter, by=dimension):
        by_group[cell.group].append(cell)
    provisional = _count_provisional(session, response_filter, dimension)
    counts = {
        group: ScoreCounts.of_scores(
            ((cell.score, cell.number) for cell in by_group.get(group, ())), provisional.get(group, 0)
        )
        for group in sorted({*by_group, *provisional})
    }
    if dimension not in (SURVEY, TEAM, *RESPONSE_DIMENSIONS):
        remainder = count_scores(session, zone, response_filter)
        for group_counts in counts.values():
            remainder -= group_counts
        if remainder:
            counts[NOT_STATED] = counts.get(NOT_STATED, ScoreCounts()) + remainder
    return counts


def count_by_dimension_and_bucket(
    session: Session, zone: tzinfo, response_filter: ResponseFilter, dimension: str, unit: BucketUnit
) -> dict[str, list[BucketCounts]]:
    """Return the confirmed responses by value of a dimension, and for each value by bucket; see `count_by_bucket`.

    Responses without a value of the dimension are left out.
    """
    starts, end = _buckets(response_filter, zone, unit)
    by_group: dict[str, list[_Cell]] = defaultdict(list)
    for cell in _load_cells(session, zone, response_filter, by=dimension, starts=starts):
        by_group[cell.group].append(cell)
    return {group: _fill_buckets(by_group[group], starts, end) for group in sorted(by_group) if group != NOT_STATED}


def _buckets(response_filter: ResponseFilter, zone: tzinfo, unit: BucketUnit) -> tuple[list[date], date]:
    if response_filter.start is None or response_filter.end is None:
        raise ValueError("buckets need a filter with a start and an end")
    start, end = response_filter.start.astimezone(zone).date(), response_filter.end.astimezone(zone).date()
    return bucket_starts(start, end, unit), end


def _fill_buckets(cells: Iterable[_Cell], starts: Sequence[date], end: date) -> list[BucketCounts]:
    scores: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for cell in cells:
        scores[cell.bucket].append((cell.score, cell.number))
    return [
        BucketCounts(first, last, ScoreCounts.of_scores(scores.get(index, ())))
        for index, (first, last) in enumerate(pairwise([*starts, end]))
    ]


def _load_cells(
    session: Session,
    zone: tzinfo,
    response_filter: ResponseFilter,
    *,
    by: str | None = None,
    starts: Sequence[date] = (),
) -> list[_Cell]:
    """Return the confirmed responses by group, bucket and score, from the cheapest source."""
    family = _find_family(response_filter, zone, by)
    if family is not None:
        return _load_from_figures(session, zone, response_filter, family, by, starts)
    return _load_from_responses(session, response_filter, by, [day_start(day, zone) for day in starts])


def _find_family(response_filter: ResponseFilter, zone: tzinfo, by: str | None) -> str | None:
    """Return the family of daily figures that can answer; None if only the responses can.

    A family knows one dimension, surveys and days.
    """
    if response_filter.reads_texts:
        return None
    moments = (response_filter.start, response_filter.end)
    if any(at is not None and day_start(at.astimezone(zone).date(), zone) != at for at in moments):
        return None
    groups = response_filter.groups
    if NOT_STATED in groups.values() or (by == TEAM and TEAM in groups):  # a response may be in further teams
        return None
    dimensions = {*groups, *({by} - {SURVEY, None})}
    if len(dimensions) > 1:
        return None
    return next(iter(dimensions), TOUCHPOINT)


def _load_from_figures(
    session: Session,
    zone: tzinfo,
    response_filter: ResponseFilter,
    family: str,
    by: str | None,
    starts: Sequence[date],
) -> list[_Cell]:
    figures = DailyFigureRow.__table__.c
    conditions = [figures.dimension == family, figures.scale == NPS_SCALE]
    if response_filter.start is not None:
        conditions.append(figures.day >= response_filter.start.astimezone(zone).date())
    if response_filter.end is not None:
        conditions.append(figures.day < response_filter.end.astimezone(zone).date())
    if response_filter.survey is not None:
        conditions.append(figures.survey == response_filter.survey)
    if response_filter.scores is not None:
        conditions.append(figures.value.in_(list(map(str, response_filter.scores))))
    if family in response_filter.groups:
        conditions.append(figures.dimensions == group_json(family, response_filter.groups[family]))
    group: Any = literal(_ALL)
    if by is not None:
        group = figures.survey if by == SURVEY else figures.dimensions
    keys = [
        group.label("group_name"),
        _bucket_of(figures.day, starts).label("bucket"),
        figures.value.label("score_key"),
    ]
    query = select(*keys, func.sum(figures.count).label("number")).where(*conditions).group_by(*_KEYS)
    cells = []
    for row in session.connection().execute(query):
        label = row.group_name if by in (None, SURVEY) else group_value(family, row.group_name)
        cells.append(_Cell(label, row.bucket, int(row.score_key), int(row.number)))
    return [cell for cell in cells if cell.number]


def _load_from_responses(
    session: Session, response_filter: ResponseFilter, by: str | None, starts: Sequence[datetime]
) -> list[_Cell]:
    responses = ResponseRow.__table__.c
    group, joined = _response_group(by)
    keys = [
        group.label("group_name"),
        _bucket_of(responses.answered_at, starts).label("bucket"),
        responses.score.label("score_key"),
    ]
    query = select(*keys, func.count()).select_from(joined).where(*response_filter.conditions()).group_by(*_KEYS)
    rows: Any = session.connection().execute(query)
    return [_Cell(*row) for row in rows]


def _response_group(by: str | None) -> tuple[Any, Any]:
    """Return the column by which responses are grouped, and what they are selected from."""
    table = ResponseRow.__table__
    if by is None:
        return literal(_ALL), table
    if by == SURVEY or by in RESPONSE_DIMENSIONS:
        return table.c[by], table
    groups = ResponseDimensionRow.__table__
    # Without the index on names: SQLite would begin with all responses of all times that have the dimension.
    is_group = (groups.c.response_id == table.c.id) & (without_index(groups.c.name) == by)
    return groups.c.value, table.join(groups, is_group)


def _bucket_of(column: ColumnElement[Any], starts: Sequence[Any]) -> ColumnElement[int]:
    """Return the index of the last start that is not after a column: a tree of comparisons, log2 of them per row."""

    def choose(low: int, high: int) -> ColumnElement[int]:
        if high - low <= 1:
            return literal(low)
        middle = (low + high) // 2
        return case((column < starts[middle], choose(low, middle)), else_=choose(middle, high))

    return choose(0, len(starts))


def _count_provisional(session: Session, response_filter: ResponseFilter, by: str | None) -> Mapping[str, int]:
    """Return the provisional responses by group.

    Their dimensions are recorded with the confirmation: for teams and dimensions there are none.
    """
    reads_texts = replace(response_filter, has_comment=response_filter.has_comment or None).reads_texts
    if response_filter.team is not None or response_filter.dimensions or by not in (None, SURVEY, *RESPONSE_DIMENSIONS):
        return {}
    if response_filter.scores is not None or reads_texts:
        return {}
    responses = ResponseRow.__table__.c
    at = case((responses.revision > 0, responses.answered_at), else_=responses.provisional_at)
    conditions: list[Any] = [text(f"({IS_UNCONFIRMED})"), at.is_not(None), responses.scale == NPS_SCALE]
    if response_filter.start is not None:
        conditions.append(at >= response_filter.start)
    if response_filter.end is not None:
        conditions.append(at < response_filter.end)
    group, joined = _response_group(by)
    query = select(group.label("group_name"), func.count()).select_from(joined)
    query = query.where(*conditions, *response_filter.group_conditions()).group_by("group_name")
    return {name: count for name, count in session.connection().execute(query) if count}
