"""Compare the daily figures and the groups of responses with the responses that exist, and correct them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import NamedTuple

from sqlalchemy import delete, select, text
from sqlmodel import Session, col

from nps_connect.ledger.daily_figures import (
    VERDICTS,
    CountedResponse,
    DailyFigureRow,
    Figure,
    add_to_figures,
    response_figures,
)
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.response_dimensions import TEAM, ResponseDimensionRow
from nps_connect.ledger.tables import ResponseRow
from nps_connect.rules.dimensions import TEAM_FILTER_FIELDS, DimensionRules, Group
from nps_connect.services.contacts.store import confirmed_clause
from nps_connect.services.responses.dimensions import insert_groups, load_groups, read_dimensions
from nps_connect.services.responses.figure_settings import load_recorded_dimensions, record_figure_settings

READ_SIZE = 5000
"""Responses that are in memory at a time."""

_COUNTED_COLUMNS = ("answered_at", "survey", "touchpoint", "language", "collected_by", "score", "scale")


class FigureDifference(NamedTuple):
    """A figure that differs from the responses: `stored` in `daily_figures`, `actual` responses."""

    figure: Figure
    stored: int
    actual: int

    @property
    def problem(self) -> str:
        """The difference as a sentence."""
        figure = self.figure
        return (
            f"the figure of {figure.day} for score {figure.value} of survey {figure.survey!r} {figure.dimensions} is "
            f"{self.stored}; the responses give {self.actual}"
        )


class _GroupChange(NamedTuple):
    """Groups that a response lacks, and those that it has and should not."""

    response_id: int
    missing: Sequence[Group]
    superfluous: Sequence[Group]


def find_differences(ledger: Ledger, zone: tzinfo, rules: DimensionRules) -> list[FigureDifference]:
    """Return the figures of responses that differ from the confirmed responses, read at one moment, oldest first.

    Teams, and dimensions that are new in the configuration, count as `correct_figures` would assign them.
    """
    with ledger.read() as session:
        if not ledger.is_sqlite:  # where each transaction sees one moment anyway
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        actual: Counter[Figure] = Counter()
        for counted, _ in _read_responses(session, rules):
            actual.update(response_figures(zone, counted))
        return _compare(session, actual)


def correct_figures(ledger: Ledger, zone: tzinfo, rules: DimensionRules) -> list[FigureDifference]:
    """Correct the figures that `find_differences` would return, and the groups; returns what the figures were."""
    with ledger.write() as session:
        if not ledger.is_sqlite:  # which has one writer; a response that is being stored waits before it is counted
            session.execute(text("LOCK TABLE daily_figures IN EXCLUSIVE MODE"))
        actual: Counter[Figure] = Counter()
        for counted, change in _read_responses(session, rules):
            actual.update(response_figures(zone, counted))
            if change is not None:
                _apply(session, change)
        differences = _compare(session, actual)
        add_to_figures(session, {figure: actual - stored for figure, stored, actual in differences})
        record_figure_settings(session, zone, rules)
    return differences


def _compare(session: Session, actual: Counter[Figure]) -> list[FigureDifference]:
    columns = [DailyFigureRow.__table__.c[name] for name in (*Figure._fields, "count")]
    query = select(*columns).where(col(DailyFigureRow.scale) != VERDICTS)
    stored: Counter[Figure] = Counter()
    for row in session.connection().execute(query.execution_options(yield_per=READ_SIZE)):
        stored[Figure(*row[:-1])] = row[-1]
    keys = sorted(actual.keys() | stored.keys(), key=lambda figure: (figure.day, figure))
    return [
        FigureDifference(figure, stored[figure], actual[figure]) for figure in keys if actual[figure] != stored[figure]
    ]


def _read_responses(session: Session, rules: DimensionRules) -> Iterator[tuple[CountedResponse, _GroupChange | None]]:
    """Yield the confirmed responses with the groups that they should have, and how their groups have to change."""
    new_names = set(rules.fields) - load_recorded_dimensions(session)
    columns = ResponseRow.__table__.c
    query = select(columns.id, *(columns[name] for name in _COUNTED_COLUMNS)).where(confirmed_clause())
    last_id = 0
    while (
        rows := session.connection()
        .execute(query.where(columns.id > last_id).order_by(columns.id).limit(READ_SIZE))
        .all()
    ):
        ids = [row.id for row in rows]
        stored = load_groups(session, ids)
        values_now = read_dimensions(rules, session, ids) if new_names else {}
        for row in rows:
            groups = stored.get(row.id, ())
            counted = CountedResponse(*row[1:])
            expected = _expected_groups(rules, counted, groups, values_now.get(row.id, {}), new_names)
            missing = [group for group in expected if group not in groups]
            superfluous = [group for group in groups if group[0] == TEAM and group not in expected]
            change = _GroupChange(row.id, missing, superfluous) if missing or superfluous else None
            yield counted._replace(groups=expected), change
        last_id = ids[-1]


def _expected_groups(
    rules: DimensionRules,
    counted: CountedResponse,
    stored: Sequence[Group],
    values_now: Mapping[str, str],
    new_names: set[str],
) -> list[Group]:
    """Return the groups of a response: recorded dimensions, those of new names in `values_now`, and teams."""
    values = {name: value for name, value in stored if name in rules.fields}
    values = {name: value for name, value in values_now.items() if name in new_names} | values
    facts = {name: getattr(counted, name) for name in TEAM_FILTER_FIELDS}
    return [*values.items(), *rules.find_teams({**facts, **values})]


def _apply(session: Session, change: _GroupChange) -> None:
    insert_groups(session, {change.response_id: change.missing})
    table = ResponseDimensionRow.__table__
    for name, value in change.superfluous:
        is_group = (table.c.response_id == change.response_id) & (table.c.name == name) & (table.c.value == value)
        session.connection().execute(delete(table).where(is_group))
