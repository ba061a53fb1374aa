"""The filter of responses that every figure, list, export and link of the console shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Self

from sqlalchemy import ColumnElement, select
from sqlmodel import col

from nps_connect.ledger.comment_search import comment_matches
from nps_connect.ledger.response_dimensions import TEAM, ResponseDimensionRow
from nps_connect.ledger.tables import ResponseRow
from nps_connect.records.base import NPS_SCALE, SEGMENT_BY_SCORE, SEGMENTS
from nps_connect.records.users import Viewer
from nps_connect.rules.report_period import day_start
from nps_connect.services.comments.tags import has_tag, has_theme
from nps_connect.services.contacts.store import confirmed_clause

MAX_VALUE_LENGTH = 200
NOT_STATED = ""
"""The value of a dimension for responses that have none."""

NO_TEAM = "-"
"""A name that no team can have: its filter accepts no response."""

_COLUMNS = ("survey", "touchpoint", "language", "collected_by")
_DIMENSION_PREFIX = "d."
_MAX_DIMENSIONS = 20
_QUERY_NAMES = {"segment": "segment", "team": "team", "text": "q", "theme": "theme", "tag": "tag"}


class FilterQueryError(ValueError):
    """A parameter of a URL is invalid: says which one, and what it can be."""


@dataclass(frozen=True)
class ResponseFilter:
    """Which responses count; what is None does not restrict.

    Attributes:
        start: first moment of the answer (UTC).
        end: moment before which the answer was given (UTC).
        survey, touchpoint, language, collected_by: of the response.
        segment: promoter, passive or detractor.
        score: from 0 to 10.
        team: name of a team.
        has_comment: only responses with a comment, or only those without.
        text: words to be found in the comment.
        theme: id of a theme that the comment has.
        tag: a tag that the response has.
        dimensions: value by name of a dimension; `NOT_STATED` for responses without a value.
    """

    start: datetime | None = None
    end: datetime | None = None
    survey: str | None = None
    touchpoint: str | None = None
    language: str | None = None
    collected_by: str | None = None
    segment: str | None = None
    score: int | None = None
    team: str | None = None
    has_comment: bool | None = None
    text: str | None = None
    theme: str | None = None
    tag: str | None = None
    dimensions: Mapping[str, str] = field(default_factory=dict)

    def during(self, start: date | None, end: date | None, zone: tzinfo) -> Self:
        """Return the filter for the days from `start` until the day before `end`."""
        return replace(
            self,
            start=None if start is None else day_start(start, zone),
            end=None if end is None else day_start(end, zone),
        )

    def with_group(self, dimension: str, value: str | None) -> Self:
        """Return the filter for one group: a value of a property, of a dimension, or a team; None removes it."""
        if dimension in (*_COLUMNS, TEAM, "segment"):
            changes: dict[str, Any] = {dimension: value}
            return replace(self, **changes)
        others = {name: other for name, other in self.dimensions.items() if name != dimension}
        return replace(self, dimensions=others if value is None else {**others, dimension: value})

    @property
    def groups(self) -> dict[str, str]:
        """The restrictions by group: columns of responses, team and dimensions, without survey and segment."""
        names = (*_COLUMNS[1:], TEAM)
        return {name: value for name in names if (value := getattr(self, name)) is not None} | dict(self.dimensions)

    @property
    def reads_texts(self) -> bool:
        """Whether it looks at comments, themes or tags, which the figures of a day do not know."""
        return any(value is not None for value in (self.text, self.theme, self.tag, self.has_comment))

    @property
    def scores(self) -> tuple[int, ...] | None:
        """The scores that segment and score leave; None means all."""
        if self.segment is None and self.score is None:
            return None
        return tuple(
            score
            for score, segment in enumerate(SEGMENT_BY_SCORE)
            if self.segment in (None, segment) and self.score in (None, score)
        )

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions on `ResponseRow`: confirmed responses on the NPS scale that the filter accepts."""
        conditions = [confirmed_clause(), col(ResponseRow.scale) == NPS_SCALE]
        if self.start is not None:
            conditions.append(col(ResponseRow.answered_at) >= self.start)
        if self.end is not None:
            conditions.append(col(ResponseRow.answered_at) < self.end)
        if self.scores is not None:
            conditions.append(col(ResponseRow.score).in_(self.scores))
        return [*conditions, *self.group_conditions()]

    def group_conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions that provisional responses can be compared with too: all but score and time."""
        table = ResponseRow.__table__.c
        conditions: list[ColumnElement[bool]] = [
            table[name] == value for name in _COLUMNS if (value := getattr(self, name)) is not None
        ]
        if self.has_comment is not None:
            has_comment = table.comment.is_not(None) & (table.comment != "")
            conditions.append(has_comment if self.has_comment else ~has_comment)
        if self.team is not None:
            conditions.append(_is_in_group(TEAM, self.team))
        if self.text is not None:
            conditions.append(comment_matches(self.text))
        conditions += [has_theme(self.theme)] if self.theme is not None else []
        conditions += [has_tag(self.tag)] if self.tag is not None else []
        conditions += [_is_in_group(name, value) for name, value in sorted(self.dimensions.items())]
        return conditions

    def to_query(self, zone: tzinfo) -> dict[str, str]:
        """Return the parameters of a URL; days are days of the company's zone.

        Raises:
            ValueError: the period does not start and end with a day.
        """
        query = {}
        if self.start is not None:
            query["from"] = _day_of(self.start, zone).isoformat()
        if self.end is not None:
            query["until"] = (_day_of(self.end, zone) - timedelta(days=1)).isoformat()
        for name in _COLUMNS:
            if (value := getattr(self, name)) is not None:
                query[name] = value
        for name, parameter in _QUERY_NAMES.items():
            if (value := getattr(self, name)) is not None:
                query[parameter] = value
        if self.score is not None:
            query["score"] = str(self.score)
        if self.has_comment is not None:
            query["comment"] = "yes" if self.has_comment else "no"
        return query | {f"{_DIMENSION_PREFIX}{name}": value for name, value in sorted(self.dimensions.items())}

    @classmethod
    def from_query(cls, query: Mapping[str, str], zone: tzinfo) -> Self:
        """Return the filter of a URL's parameters; other parameters, and empty ones, are ignored.

        Raises:
            FilterQueryError: a value is invalid.
        """
        given = {name: _checked(name, value) for name, value in query.items() if _is_given(name, value)}
        dimensions = {
            name.removeprefix(_DIMENSION_PREFIX): value
            for name, value in given.items()
            if name.startswith(_DIMENSION_PREFIX)
        }
        if len(dimensions) > _MAX_DIMENSIONS:
            raise FilterQueryError(f"a filter has at most {_MAX_DIMENSIONS} dimensions")
        start, last_day = _parse_day(given, "from"), _parse_day(given, "until")
        if start is not None and last_day is not None and last_day < start:
            raise FilterQueryError("until: lies before from")
        segment = _parse_choice(given, "segment", SEGMENTS)
        comment = _parse_choice(given, "comment", ("yes", "no"))
        score = _parse_choice(given, "score", tuple(map(str, range(11))))
        return cls(
            survey=given.get("survey"),
            touchpoint=given.get("touchpoint"),
            language=given.get("language"),
            collected_by=given.get("collected_by"),
            team=given.get("team"),
            segment=segment,
            score=None if score is None else int(score),
            has_comment=None if comment is None else comment == "yes",
            text=given.get("q"),
            theme=given.get("theme"),
            tag=given.get("tag"),
            dimensions=dimensions,
        ).during(start, None if last_day is None else last_day + timedelta(days=1), zone)


def restrict(response_filter: ResponseFilter, viewer: Viewer) -> ResponseFilter:
    """Return the filter with which a user reads: a viewer of one team sees the responses of that team only.

    Every query of the console passes through it. A filter for another team accepts nothing.
    """
    if viewer.has_role("viewer"):
        return response_filter
    is_own = viewer.team is not None and response_filter.team in (None, viewer.team)
    return replace(response_filter, team=viewer.team if is_own else NO_TEAM)


_PARAMETERS = frozenset({"from", "until", "score", "comment", *_COLUMNS, *_QUERY_NAMES.values()})


def _is_given(name: str, value: str) -> bool:
    """Return whether a parameter belongs to the filter; only a dimension can have the empty value `NOT_STATED`."""
    return (name in _PARAMETERS and value != "") or (name.startswith(_DIMENSION_PREFIX) and name != _DIMENSION_PREFIX)


def _checked(name: str, value: str) -> str:
    if len(value) > MAX_VALUE_LENGTH:
        raise FilterQueryError(f"{name[:40]}: longer than {MAX_VALUE_LENGTH} characters")
    if "\x00" in value or len(name) > MAX_VALUE_LENGTH or "\x00" in name:
        raise FilterQueryError(f"{name[:40]!r}: not a text")
    return value


def _parse_choice(given: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str | None:
    value = given.get(name)
    if value is not None and value not in choices:
        raise FilterQueryError(f"{name}: one of {', '.join(choices)}")
    return value


def _parse_day(given: Mapping[str, str], name: str) -> date | None:
    value = given.get(name)
    if value is None:
        return None
    try:
        day = date.fromisoformat(value)
    except ValueError:
        day = date.min
    if not date(1970, 1, 2) <= day <= date(9990, 12, 31):
        raise FilterQueryError(f"{name}: a day such as 2026-01-31")
    return day


def _day_of(moment: datetime, zone: tzinfo) -> date:
    """Return the day that begins at a moment.

    Raises:
        ValueError: none begins then.
    """
    day = moment.astimezone(zone).date()
    if day_start(day, zone) != moment:
        raise ValueError("the period of the filter does not start and end with a day")
    return day


def _is_in_group(name: str, value: str) -> ColumnElement[bool]:
    """Return the condition that a response is in a group, or has no value of the dimension."""
    grouped = select(col(ResponseDimensionRow.response_id)).where(col(ResponseDimensionRow.name) == name)
    if value == NOT_STATED:
        return col(ResponseRow.id).not_in(grouped)
    return col(ResponseRow.id).in_(grouped.where(col(ResponseDimensionRow.value) == value))
