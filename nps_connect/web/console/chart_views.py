"""Charts as the templates draw them: coordinates, finished texts, and the rows of the table behind each chart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from nps_connect.records.base import SEGMENT_BY_SCORE
from nps_connect.rendering.catalogs import CONSOLE_DOMAIN, load_translations
from nps_connect.rendering.chart_geometry import (
    Bar,
    TrendBucket,
    TrendShape,
    bar_widths,
    distribution_bars,
    split_bars,
    trend_shape,
)
from nps_connect.rendering.figure_texts import (
    format_count,
    format_month,
    format_percent,
    format_score,
    format_short_day,
)
from nps_connect.rules.nps_arithmetic import NpsFigure

NARROW_WIDTH, NARROW_HEIGHT = 300.0, 196.0


@dataclass(frozen=True)
class ChartRow:
    """A row of the table behind a chart.

    Attributes:
        label: its heading.
        cells: its other columns.
        link: to the responses behind it; None if nothing can be shown.
    """

    label: str
    cells: tuple[str, ...]
    link: str | None = None


@dataclass(frozen=True)
class TrendPicture:
    """A trend in one width.

    Attributes:
        shape: its coordinates.
        score_labels: y and text of each grid line; whether it is the line of the score 0.
        date_labels: x and text of each label below, and which end of it stands there.
    """

    shape: TrendShape
    score_labels: tuple[tuple[float, str, bool], ...]
    date_labels: tuple[tuple[float, str, str], ...]


@dataclass(frozen=True)
class TrendView:
    """A score over time.

    Attributes:
        summary: the chart in one sentence.
        wide, narrow: its pictures, for desktop and print, and for phones.
        headings: of the table.
        rows: one per bucket, in order of time.
    """

    summary: str
    wide: TrendPicture
    narrow: TrendPicture
    headings: tuple[str, ...]
    rows: tuple[ChartRow, ...]


@dataclass(frozen=True)
class BarView:
    """A column or a part of a bar, with its segment or None, its texts and its link."""

    bar: Bar
    segment: str | None
    label: str
    count: str
    title: str
    link: str | None = None


@dataclass(frozen=True)
class DistributionView:
    """How often each score was given."""

    summary: str
    bars: tuple[BarView, ...]
    headings: tuple[str, ...]
    rows: tuple[ChartRow, ...]


@dataclass(frozen=True)
class SplitPart:
    """One segment of the split bar, with its texts."""

    bar: Bar | None
    segment: str
    count: str
    label: str
    share: str
    link: str | None


@dataclass(frozen=True)
class FunnelStep:
    """One step of a funnel: label, count, share of the first step, width of its bar (0 to 100)."""

    label: str
    count: str
    share: str
    width: float


@dataclass(frozen=True)
class FunnelView:
    """How many reached each step."""

    summary: str
    steps: tuple[FunnelStep, ...]
    headings: tuple[str, ...]
    rows: tuple[ChartRow, ...]


def build_trend(
    language: str,
    buckets: Sequence[tuple[date, date, NpsFigure]],
    link_of: Callable[[date, date], str] | None = None,
) -> TrendView:
    """Build a trend from buckets: first day, day after the last, figure.

    Args:
        language: of the reader.
        buckets: in order of time.
        link_of: returns the link to the responses of a bucket.
    """
    translations = load_translations(language, CONSOLE_DOMAIN)
    _ = translations.gettext
    points = [TrendBucket(start, end, figure.score, figure.low, figure.high) for start, end, figure in buckets]
    rows = tuple(
        ChartRow(
            label=format_span(start, end, language),
            cells=(format_score(figure.score), format_band(figure), format_count(figure.responses, language)),
            link=link_of(start, end) if link_of and figure.responses else None,
        )
        for start, end, figure in buckets
    )
    scored = [(row, point) for row, point in zip(rows, points, strict=True) if point.score is not None]
    summary = _("No responses in this period.")
    if scored:
        values = {"first": scored[0][0].label, "first_score": format_score(scored[0][1].score)}
        values |= {"last": scored[-1][0].label, "last_score": format_score(scored[-1][1].score)}
        summary = _("Score from %(first_score)s (%(first)s) to %(last_score)s (%(last)s).") % values
    return TrendView(
        summary=summary,
        wide=_picture(language, trend_shape(points)),
        narrow=_picture(language, trend_shape(points, width=NARROW_WIDTH, height=NARROW_HEIGHT, label_width=36)),
        headings=(_("Period"), _("Score"), _("Probably between"), _("Responses")),
        rows=rows,
    )


def build_small_trend(language: str, points: Sequence[TrendBucket], axis: Sequence[int]) -> TrendPicture:
    """Build one of several small trends that share an axis."""
    return _picture(language, trend_shape(points, width=320, height=130, label_width=36, axis=axis))


def _picture(language: str, shape: TrendShape) -> TrendPicture:
    days = [day for _, day in shape.date_ticks]
    months = all(day.day == 1 for day in days) and len(days) > 1
    return TrendPicture(
        shape=shape,
        score_labels=tuple((y, format_score(score), score == 0) for y, score in shape.score_ticks),
        date_labels=tuple(
            (x, format_month(day, language) if months else format_short_day(day, language), _anchor(x, shape))
            for x, day in shape.date_ticks
        ),
    )


def _anchor(x: float, shape: TrendShape) -> str:
    """Return which end of a label stands at its place, so that it stays inside the picture."""
    room = 14.0
    return "start" if x < shape.left + room else "end" if x > shape.right - room else "middle"


def build_distribution(
    language: str, counts: Sequence[int], link_of: Callable[[int], str] | None = None
) -> DistributionView:
    """Build the distribution from the number of responses of each score, 0 to 10."""
    translations = load_translations(language, CONSOLE_DOMAIN)
    _, ngettext = translations.gettext, translations.ngettext
    total = sum(counts)
    bars, rows = [], []
    for score, (count, bar) in enumerate(zip(counts, distribution_bars(counts), strict=True)):
        text = format_count(count, language)
        title = ngettext("Score %(score)s: %(num)s response", "Score %(score)s: %(num)s responses", count)
        link = link_of(score) if link_of and count else None
        values = {"score": score, "num": text}
        bars.append(BarView(bar, SEGMENT_BY_SCORE[score], str(score), text, title % values, link))
        rows.append(ChartRow(str(score), (text, format_percent(count / total, language) if total else "–"), link))
    most = max(range(len(counts)), key=lambda score: counts[score]) if total else None
    summary = _("No responses in this period.") if most is None else _("Most frequent score: %(score)s.")
    return DistributionView(
        summary=summary if most is None else summary % {"score": most},
        bars=tuple(bars),
        headings=(_("Score"), _("Responses"), _("Share")),
        rows=tuple(rows),
    )


def build_split(language: str, figure: NpsFigure, link_of: Callable[[str], str] | None = None) -> tuple[SplitPart, ...]:
    """Build the bar of promoters, passives and detractors, in this order."""
    ngettext = load_translations(language, CONSOLE_DOMAIN).ngettext
    counts = figure.promoters, figure.passives, figure.detractors
    labels = (
        ("promoter", ngettext("promoter", "promoters", counts[0])),
        ("passive", ngettext("passive", "passives", counts[1])),
        ("detractor", ngettext("detractor", "detractors", counts[2])),
    )
    bars: Sequence[Bar | None] = split_bars(counts) or (None, None, None)
    return tuple(
        SplitPart(
            bar=bar,
            segment=segment,
            count=format_count(count, language),
            label=label,
            share=format_percent(count / figure.responses, language) if figure.responses else "–",
            link=link_of(segment) if link_of and count else None,
        )
        for (segment, label), count, bar in zip(labels, counts, bars, strict=True)
    )


def build_funnel(language: str, steps: Sequence[tuple[str, int]]) -> FunnelView:
    """Build a funnel from its steps: label and count, the first one the largest."""
    _ = load_translations(language, CONSOLE_DOMAIN).gettext
    counts = [count for _label, count in steps]
    first = counts[0] if counts else 0
    views, rows = [], []
    for position, ((label, count), width) in enumerate(zip(steps, bar_widths(counts), strict=True)):
        share = format_percent(count / first, language) if first else "–"
        before = counts[position - 1] if position else 0
        step_share = format_percent(count / before, language) if before else "–"
        views.append(FunnelStep(label, format_count(count, language), share, width))
        rows.append(ChartRow(label, (format_count(count, language), share, step_share)))
    return FunnelView(
        summary="; ".join(f"{step.label}: {step.count}" for step in views),
        steps=tuple(views),
        headings=(_("Step"), _("People"), _("Of the first step"), _("Of the step before")),
        rows=tuple(rows),
    )


def format_band(figure: NpsFigure) -> str:
    """Return the ends of a band, such as `+36 … +55`; a dash without a score."""
    if figure.low is None or figure.high is None:
        return "–"
    return f"{format_score(figure.low)} … {format_score(figure.high)}"


def format_span(start: date, end: date, language: str) -> str:
    """Return the days from `start` until before `end`, such as `3 Mar – 9 Mar`."""
    last = end - timedelta(days=1)
    first_text = format_short_day(start, language)
    return first_text if last <= start else f"{first_text} – {format_short_day(last, language)}"
