"""The trend of a score as a PNG for a mail, without any text: no font is needed, and its labels are HTML.

It is transparent and in colours that are visible on white and on dark, because a mail cannot know its background.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO
from math import ceil, floor
from typing import NamedTuple

from nps_connect.rendering.colours import visible_on_both

WIDTH, HEIGHT = 520, 144
"""Displayed size in pixels; narrow screens compress the width."""

MARGIN = 8
"""Above the highest and below the lowest grid line, in pixels."""

_DENSITY = 2
_SUPERSAMPLING = 2
_GRID = (138, 151, 166, 90)
_ZERO = (138, 151, 166, 190)
_BAND_ALPHA, _LINE_ALPHA = 56, 255
_LINE_WIDTH = 2.5


class TrendPoint(NamedTuple):
    """The score of one bucket and the ends of its interval."""

    score: float
    low: float
    high: float


class TrendScale(NamedTuple):
    """The labelled grid lines: lowest, middle, highest score."""

    low: int
    middle: int
    high: int


def trend_scale(points: Sequence[TrendPoint]) -> TrendScale:
    """Return grid lines at tens that enclose the intervals, at least 40 points apart."""
    low = floor(min(point.low for point in points) / 10) * 10
    high = ceil(max(point.high for point in points) / 10) * 10
    while high - low < 40 or (high - low) % 20:
        if high < 100:
            high += 10
        if high - low < 40 or (high - low) % 20:
            low -= 10
    return TrendScale(low, (low + high) // 2, high)


@lru_cache(maxsize=32)
def draw_trend(points: tuple[TrendPoint, ...], colour: str) -> bytes:
    """Return the line of the score with its band, as a PNG of twice the displayed size.

    Args:
        points: oldest first, at least two.
        colour: of the company, such as ``#174ea6``.
    """
    from PIL import Image, ImageDraw

    factor = _DENSITY * _SUPERSAMPLING
    size = (WIDTH * factor, HEIGHT * factor)
    scale = trend_scale(points)
    rgb = tuple(int(visible_on_both(colour)[start : start + 2], 16) for start in (1, 3, 5))

    def at(position: float, score: float) -> tuple[float, float]:
        share = (scale.high - score) / (scale.high - scale.low)
        return position * size[0] / (len(points) - 1), (MARGIN + share * (HEIGHT - 2 * MARGIN)) * factor

    image = Image.new("RGBA", size, (*rgb, 0))
    for score in {*scale, *([0] if scale.low <= 0 <= scale.high else [])}:
        grid = Image.new("RGBA", size, (*_GRID[:3], 0))
        _, y = at(0, score)
        ImageDraw.Draw(grid).line([(0, y), (size[0], y)], fill=_ZERO if score == 0 else _GRID, width=factor)
        image = Image.alpha_composite(image, grid)
    upper = [at(position, point.high) for position, point in enumerate(points)]
    lower = [at(position, point.low) for position, point in enumerate(points)]
    band = Image.new("RGBA", size, (*rgb, 0))
    ImageDraw.Draw(band).polygon([*upper, *reversed(lower)], fill=(*rgb, _BAND_ALPHA))
    image = Image.alpha_composite(image, band)
    line = [at(position, point.score) for position, point in enumerate(points)]
    ImageDraw.Draw(image).line(line, fill=(*rgb, _LINE_ALPHA), width=round(_LINE_WIDTH * factor), joint="curve")
    stream = BytesIO()
    image.resize((WIDTH * _DENSITY, HEIGHT * _DENSITY), Image.Resampling.LANCZOS).save(stream, "PNG", optimize=True)
    return stream.getvalue()
