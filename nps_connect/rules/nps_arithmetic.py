"""Net Promoter Score with its margin of error, in exact fractions, rounded once at the end."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

MIN_RESPONSES = 30
"""With fewer responses a figure is reported as too small to judge."""

_ADDED = Fraction(3, 4)
"""Promoters and detractors that are added each, and half of the passives."""

_Z = Fraction(196, 100)  # 95 % of a normal distribution lie within so many standard deviations


@dataclass(frozen=True)
class NpsFigure:
    """A Net Promoter Score with its margin of error.

    Attributes:
        score: % promoters - % detractors, from -100 to 100, one decimal; None without responses.
        margin: half the width of the 95 % interval in points, one decimal; never 0.
        low, high: the ends of the interval, from -100 to 100, one decimal; it always holds the score.
        responses: confirmed responses, the sum of the three counts.
        promoters, passives, detractors: confirmed responses by segment.
        provisional_share: share (0 to 1) of provisional responses in all responses; they count nowhere else.
        too_small: fewer than 30 responses.
    """

    score: float | None
    margin: float | None
    low: float | None
    high: float | None
    responses: int
    promoters: int
    passives: int
    detractors: int
    provisional_share: float
    too_small: bool


def compute_nps(promoters: int, passives: int, detractors: int, provisional: int = 0) -> NpsFigure:
    """Compute a figure from counts of responses.

    The interval is the adjusted Wald interval: three responses are added (3/4 promoter, 3/2 passives, 3/4 detractor),
    and the variance is that of a three-way split, (P + D - (P - D)²) / n, with P and D as shares. So a few equal
    responses claim no certainty, and from 30 responses on the interval holds the true score about 95 times of 100.

    Raises:
        ValueError: a count is negative.
    """
    if min(promoters, passives, detractors, provisional) < 0:
        raise ValueError("counts of responses cannot be negative")
    responses = promoters + passives + detractors
    total = responses + provisional
    score = margin = low = high = None
    if responses:
        exact_score = Fraction(promoters - detractors, responses) * 1000
        score = _tenths(exact_score)
        enlarged = responses + 4 * _ADDED
        promoting, detracting = (promoters + _ADDED) / enlarged, (detractors + _ADDED) / enlarged
        center = promoting - detracting
        margin = _root_tenths((_Z * 1000) ** 2 * (promoting + detracting - center**2) / enlarged)
        width = Fraction(round(margin * 10))
        low = _tenths(max(Fraction(-1000), min(exact_score, center * 1000 - width)))
        high = _tenths(min(Fraction(1000), max(exact_score, center * 1000 + width)))
    return NpsFigure(
        score=score,
        margin=margin,
        low=low,
        high=high,
        responses=responses,
        promoters=promoters,
        passives=passives,
        detractors=detractors,
        provisional_share=round(provisional / total, 3) if total else 0.0,
        too_small=responses < MIN_RESPONSES,
    )


def _tenths(value: Fraction) -> float:
    """Round tenths to one decimal, halves away from zero, so that a mirrored split has the mirrored score."""
    rounded = int(abs(value) + Fraction(1, 2))
    return (rounded if value >= 0 else -rounded) / 10


def _root_tenths(square: Fraction) -> float:
    """Return the root of squared tenths with one decimal, rounded exactly: no float before the division by ten."""
    return (isqrt(int(4 * square)) + 1) // 2 / 10
