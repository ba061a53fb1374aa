"""Coordinates of charts in SVG units, from figures. Pure: texts, colours and links are the templates'."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby, pairwise
from typing import NamedTuple

MIN_SCORE, MAX_SCORE = -100, 100
TICK_STEPS = (5, 10, 20, 25, 50)
MAX_INTERVALS = 5
"""Distances between grid lines of a chart at most."""

SMALLEST_BAR = 1.5
"""Height or width of a bar whose count is not 0: it must be seen."""


class Point(NamedTuple):
    """A point; y grows downwards."""

    x: float
    y: float


@dataclass(frozen=True)
class TrendBucket:
    """The score of the days from `start` until before `end`; `score` is None without responses."""

    start: date
    end: date
    score: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class TrendMark:
    """The place of one bucket.

    Attributes:
        bucket: its position in the sequence of buckets.
        at: the score.
        low, high: y of the ends of its band.
        left, right: borders of the area that belongs to it, for the pointer.
    """

    bucket: int
    at: Point
    low: float
    high: float
    left: float
    right: float


@dataclass(frozen=True)
class TrendShape:
    """A score over time with its band.

    Attributes:
        width, height: of the picture.
        left, right, top, bottom: borders of the drawing area.
        marks: the buckets with responses, in order of time.
        dots: the marks to draw: those that no line reaches, and the newest.
        whiskers: the marks whose band is a vertical line, because no line reaches them.
        lines: points of the line, for SVG; a bucket without responses interrupts it.
        bands: outlines of the band, for SVG.
        score_ticks: y and score of each grid line, the highest score first.
        date_ticks: x and first day of each labelled month, or of each labelled bucket if no month begins.
    """

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    marks: tuple[TrendMark, ...]
    dots: tuple[TrendMark, ...]
    whiskers: tuple[TrendMark, ...]
    lines: tuple[str, ...]
    bands: tuple[str, ...]
    score_ticks: tuple[tuple[float, int], ...]
    date_ticks: tuple[tuple[float, date], ...]


class Bar(NamedTuple):
    """A bar of a chart: its rectangle."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class PlacedInterval:
    """A score and its band on a shared horizontal axis."""

    at: float
    low: float
    high: float


def trend_shape(
    buckets: Sequence[TrendBucket],
    *,
    width: float = 696,
    height: float = 216,
    label_width: float = 40,
    axis: Sequence[int] | None = None,
) -> TrendShape:
    """Place a score over time, from the middle of the first bucket to that of the last, by date.

    Args:
        buckets: in order of time; those without responses stay empty.
        width, height: of the picture.
        label_width: room that a month's label needs, and about that of a score's.
        axis: the scores with a grid line, where several trends share them; else they follow from the buckets.
    """
    left, right, top, bottom = 38.0, width - 12.0, 14.0, height - 26.0
    axis = axis or trend_axis(buckets)
    lowest, highest = axis[0], axis[-1]

    def y_of(score: float) -> float:
        return _round(bottom - (score - lowest) / (highest - lowest) * (bottom - top))

    middles = [_middle(bucket) for bucket in buckets]
    first, last = (middles[0], middles[-1]) if buckets else (0.0, 0.0)

    def x_of(day_number: float) -> float:
        if last == first:
            return _round((left + right) / 2)
        return _round(min(max(left + (day_number - first) / (last - first) * (right - left), left), right))

    marks: list[TrendMark | None] = []
    for position, (bucket, middle) in enumerate(zip(buckets, middles, strict=True)):
        if bucket.score is None or bucket.low is None or bucket.high is None:
            marks.append(None)
            continue
        place = Point(x_of(middle), y_of(bucket.score))
        borders = (x_of(bucket.start.toordinal()), x_of(bucket.end.toordinal())) if last > first else (left, right)
        marks.append(TrendMark(position, place, y_of(bucket.low), y_of(bucket.high), *borders))
    runs = [[mark for mark in run if mark] for has_mark, run in groupby(marks, bool) if has_mark]
    whiskers = tuple(run[0] for run in runs if len(run) == 1)
    newest = tuple(run[-1] for run in runs[-1:] if len(run) > 1)
    return TrendShape(
        width=width,
        height=height,
        left=left,
        right=right,
        top=top,
        bottom=bottom,
        marks=tuple(mark for run in runs for mark in run),
        dots=whiskers + newest,
        whiskers=whiskers,
        lines=tuple(svg_points(mark.at for mark in run) for run in runs if len(run) > 1),
        bands=tuple(svg_points(_outline(run)) for run in runs if len(run) > 1),
        score_ticks=tuple((y_of(score), score) for score in reversed(axis)),
        date_ticks=_keep_apart(
            [(x_of(day.toordinal()), day) for day in _tick_days(buckets) if first <= day.toordinal() <= last]
            or [(x_of(middle), bucket.start) for middle, bucket in zip(middles, buckets, strict=True)],
            label_width,
        ),
    )


def trend_axis(buckets: Sequence[TrendBucket]) -> tuple[int, ...]:
    """Return the scores with a grid line that enclose the bands of all buckets."""
    return choose_score_axis([edge for bucket in buckets for edge in (bucket.low, bucket.high) if edge is not None])


def choose_score_axis(scores: Sequence[float]) -> tuple[int, ...]:
    """Return the scores with a grid line, lowest first: they enclose all scores, and 0 if it is near."""
    low, high = min(scores, default=0.0), max(scores, default=0.0)
    if 0 < low <= 2 * (high - low):
        low = 0
    for step in TICK_STEPS:
        lowest = max(MIN_SCORE, int(low // step) * step)
        highest = min(MAX_SCORE, -int(-high // step) * step)
        if lowest == highest:
            lowest, highest = max(MIN_SCORE, lowest - step), min(MAX_SCORE, highest + step)
        if (highest - lowest) / step <= MAX_INTERVALS:
            break
    return tuple(range(lowest, highest + 1, step))


def distribution_bars(
    counts: Sequence[int], *, width: float = 320, top: float = 18, bottom: float = 172, gap: float = 7
) -> tuple[Bar, ...]:
    """Return a column for each count; the largest reaches `top`, and none that is not 0 vanishes."""
    column = (width - gap * (len(counts) - 1)) / max(len(counts), 1)
    largest = max(counts, default=0)
    bars = []
    for position, count in enumerate(counts):
        height = _round(max(count / largest * (bottom - top), SMALLEST_BAR)) if count else 0.0
        bars.append(Bar(_round(position * (column + gap)), _round(bottom - height), _round(column), height))
    return tuple(bars)


def bar_widths(counts: Sequence[int], *, width: float = 100) -> tuple[float, ...]:
    """Return the width of a horizontal bar for each count; the largest has the whole width."""
    largest = max(counts, default=0)
    return tuple(_round(max(count / largest * width, SMALLEST_BAR)) if count else 0.0 for count in counts)


def split_bars(counts: Sequence[int], *, width: float = 100, height: float = 12) -> tuple[Bar, ...]:
    """Return the parts of one bar, from left to right: as wide as their share; none without counts."""
    total = sum(counts)
    if not total:
        return ()
    edges = [0.0]
    for count in counts:
        edges.append(edges[-1] + count / total * width)
    return tuple(Bar(_round(left), 0.0, _round(right - left), height) for left, right in pairwise(edges))


def place_interval(score: float, low: float, high: float, axis: Sequence[int], *, width: float = 240) -> PlacedInterval:
    """Return the place of a score and its band on an axis of `choose_score_axis`, for groups side by side."""
    inset = 5.0

    def x_of(value: float) -> float:
        return _round(inset + (value - axis[0]) / (axis[-1] - axis[0]) * (width - 2 * inset))

    return PlacedInterval(x_of(score), x_of(low), x_of(high))


def svg_points(points: Iterator[Point] | Sequence[Point]) -> str:
    """Return points as SVG's `points` attribute."""
    return " ".join(f"{point.x:g},{point.y:g}" for point in points)


def _middle(bucket: TrendBucket) -> float:
    """Return the middle of a bucket as a number of days."""
    return (bucket.start.toordinal() + bucket.end.toordinal()) / 2


def _outline(marks: Sequence[TrendMark]) -> list[Point]:
    upper = [Point(mark.at.x, mark.high) for mark in marks]
    return upper + [Point(mark.at.x, mark.low) for mark in reversed(marks)]


def _tick_days(buckets: Sequence[TrendBucket]) -> list[date]:
    """Return the first days of the months within the buckets; none if there are not two."""
    months = []
    day = buckets[0].start if buckets else date.max
    day = day if day.day == 1 or not buckets else _next_month(day)
    while buckets and day < buckets[-1].end:
        months.append(day)
        day = _next_month(day)
    return months if len(months) > 1 else []


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _keep_apart(ticks: Sequence[tuple[float, date]], label_width: float) -> tuple[tuple[float, date], ...]:
    """Return every n-th tick, so that labels do not touch each other."""
    if not ticks:
        return ()
    smallest = min((after - before for (before, _), (after, _) in pairwise(ticks)), default=label_width)
    return tuple(ticks[:: max(1, -int(-label_width // max(smallest, 1.0)))])


def _round(value: float) -> float:
    """Round to a tenth of a unit, which no eye can tell and which keeps pages small."""
    return round(value, 1)
