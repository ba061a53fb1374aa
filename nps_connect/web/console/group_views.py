"""Groups side by side on one axis, as the templates draw them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nps_connect.rendering.chart_geometry import PlacedInterval, choose_score_axis, place_interval
from nps_connect.rendering.figure_texts import format_count, format_score
from nps_connect.rules.nps_arithmetic import NpsFigure
from nps_connect.web.console.chart_views import SplitPart, build_split, format_band


@dataclass(frozen=True)
class GroupRow:
    """A group beside others.

    Attributes:
        name: as people know it.
        link: to the page that shows the group alone.
        figure: its figure.
        interval: the place of its band; None with too few responses.
        score, count, band: as texts.
    """

    name: str
    link: str | None
    figure: NpsFigure
    interval: PlacedInterval | None
    score: str
    count: str
    band: str
    parts: tuple[SplitPart, ...]


@dataclass(frozen=True)
class GroupsView:
    """Groups side by side on one axis.

    Attributes:
        rows: in the given order.
        ticks: x and text of the axis, and whether it is the score 0.
        width: of the axis.
    """

    rows: tuple[GroupRow, ...]
    ticks: tuple[tuple[float, str, bool], ...]
    width: float


def build_groups(
    language: str, groups: Sequence[tuple[str, str | None, NpsFigure]], *, width: float = 240
) -> GroupsView:
    """Build groups side by side: name, link, figure. Those with too few responses have no place on the axis."""
    judged = [figure for _name, _link, figure in groups if not figure.too_small]
    edges = [edge for figure in judged for edge in (figure.low, figure.high) if edge is not None]
    axis = choose_score_axis(edges)
    rows = []
    for name, link, figure in groups:
        interval = None
        if not figure.too_small and figure.score is not None and figure.low is not None and figure.high is not None:
            interval = place_interval(figure.score, figure.low, figure.high, axis, width=width)
        count, parts = format_count(figure.responses, language), build_split(language, figure)
        rows.append(
            GroupRow(name, link, figure, interval, format_score(figure.score), count, format_band(figure), parts)
        )
    ticks = tuple((place_interval(score, score, score, axis, width=width).at, score) for score in axis)
    return GroupsView(tuple(rows), tuple((x, format_score(score), score == 0) for x, score in ticks), width)
