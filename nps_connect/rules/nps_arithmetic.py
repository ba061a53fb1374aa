"""Net Promoter Score with its margin of error, and differences, in exact fractions, rounded once at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import erfc, isqrt, sqrt

MIN_RESPONSES = 30
"""With fewer responses a figure is reported as too small to judge."""

MIN_NAMED = 5
"""Expected number that each compared group of a share needs of those counted and of the others (Cochran 1954)."""

_ADDED = Fraction(3, 4)
"""Promoters and detractors that are added each, and half of the passives."""

_Z = Fraction(196, 100)  # 95 % of a normal distribution lie within so many standard deviations

_Z_POWER = Fraction(84, 100)  # 80 % of a normal distribution lie below its mean plus so many standard deviations


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
        center, variance = _enlarged(promoters, passives, detractors)
        margin = _root_tenths((_Z * 1000) ** 2 * variance)
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


@dataclass(frozen=True)
class Difference:
    """How far figures differ, in points of the score or in percentage points of a share.

    Attributes:
        points: the difference, one decimal; None if a group has no responses.
        margin: half the width of the 95 % interval, one decimal; never 0.
        low, high: the ends of the interval, one decimal.
        p_value: how often a difference of at least this size would arise by chance (two-sided, 0 to 1).
        is_beyond_noise: 0 lies outside the interval. Always False if `too_small`.
        smallest_visible: the size of a difference that would be found four times of five, one decimal.
        too_small: a group has fewer than 30 responses, or a share too few that count.
    """

    points: float | None
    margin: float | None
    low: float | None
    high: float | None
    p_value: float | None
    is_beyond_noise: bool
    smallest_visible: float | None
    too_small: bool


def compute_difference(later: NpsFigure, earlier: NpsFigure) -> Difference:
    """Return how far one score lies above another of different responses."""
    return compute_contrast([(1, later), (-1, earlier)])


def compute_contrast(terms: Sequence[tuple[int, NpsFigure]]) -> Difference:
    """Return a weighted sum of scores of different responses.

    The interval stands around the plain sum: around the enlarged samples, a small group of happy customers would differ
    from a large one by the responses that were added. For the same reason the spread of an enlarged sample is divided
    by the real number of responses, so that groups of 30 do not differ more often than 5 times of 100.

    Args:
        terms: weight and figure; weights of +1, -1, -1 and +1 compare two differences.
    """
    return _differ([_score_group(weight, figure) for weight, figure in terms])


def drop_probability(later: NpsFigure, earlier: NpsFigure) -> float:
    """Return how often chance alone lets a score drop so far (one-sided, 0 to 1), safe far out in the tail; 1 if none.

    The larger of two probabilities: with the spread of each group, and with that of both together. For a skewed split
    the first is too small where detractors prevail, the second where promoters do, and the alarms of a score use limits
    below 1 in 1,000 (docs/score-alarms.md).
    """
    difference = compute_difference(later, earlier)
    if difference.points is None or difference.p_value is None or difference.points >= 0:
        return 1.0
    counts = zip(_counts(later), _counts(earlier), strict=True)
    _, variance = _enlarged(*(recent + former for recent, former in counts))
    total = later.responses + earlier.responses
    single = float(variance * (total + 4 * _ADDED))
    spread = sqrt(2 * single * (1 / later.responses + 1 / earlier.responses))
    drop = (earlier.promoters - earlier.detractors) / earlier.responses
    drop -= (later.promoters - later.detractors) / later.responses
    return max(difference.p_value, erfc(drop / spread)) / 2


def compute_share_difference(later: tuple[int, int], earlier: tuple[int, int]) -> Difference:
    """Return how far one share lies above another, in percentage points.

    It is too small to judge also where a group would have fewer than `MIN_NAMED` of those counted, or of the others, if
    both shares were equal: there the normal distribution does not hold.

    Args:
        later, earlier: those counted, and of how many.

    Raises:
        ValueError: a count is negative, or larger than its total.
    """
    if any(not 0 <= counted <= total for counted, total in (later, earlier)):
        raise ValueError("a share needs a count from 0 to its total")
    groups = []
    for weight, (counted, total) in ((1, later), (-1, earlier)):
        share = Fraction(counted + 1, total + 2)  # Agresti and Caffo 2000: one of each kind is added to each group
        variance = share * (1 - share) / max(total, 1)
        groups.append(_Group(weight, Fraction(counted, max(total, 1)), variance, total))
    (later_counted, later_total), (earlier_counted, earlier_total) = later, earlier
    both = Fraction(later_counted + earlier_counted, max(later_total + earlier_total, 1))
    smallest = min(later_total, earlier_total) * min(both, 1 - both)
    return _differ(groups, too_small=smallest < MIN_NAMED)


@dataclass(frozen=True)
class _Group:
    """One term of a difference: its weight, its value and variance as fractions of 1, and its responses."""

    weight: int
    value: Fraction
    variance: Fraction
    responses: int


def _counts(figure: NpsFigure) -> tuple[int, int, int]:
    return figure.promoters, figure.passives, figure.detractors


def _score_group(weight: int, figure: NpsFigure) -> _Group:
    total = max(figure.responses, 1)
    _, variance = _enlarged(figure.promoters, figure.passives, figure.detractors)
    value = Fraction(figure.promoters - figure.detractors, total)
    return _Group(weight, value, variance * (total + 4 * _ADDED) / total, figure.responses)


def _differ(groups: Sequence[_Group], *, too_small: bool = False) -> Difference:
    too_small = too_small or any(group.responses < MIN_RESPONSES for group in groups)
    if any(group.responses == 0 for group in groups):
        return Difference(None, None, None, None, None, is_beyond_noise=False, smallest_visible=None, too_small=True)
    difference = sum((group.weight * group.value for group in groups), Fraction(0))
    variance = sum((group.weight**2 * group.variance for group in groups), Fraction(0))
    points, margin = _tenths(difference * 1000), _root_tenths((_Z * 1000) ** 2 * variance)
    return Difference(
        points=points,
        margin=margin,
        low=round(points - margin, 1),
        high=round(points + margin, 1),
        p_value=erfc(abs(float(difference)) / sqrt(2 * float(variance))),
        is_beyond_noise=not too_small and difference**2 > _Z**2 * variance,
        smallest_visible=_root_tenths(((_Z + _Z_POWER) * 1000) ** 2 * variance),
        too_small=too_small,
    )


def _enlarged(promoters: int, passives: int, detractors: int) -> tuple[Fraction, Fraction]:
    """Return the score of the enlarged sample as a fraction of 1, and the variance of its mean."""
    total = promoters + passives + detractors + 4 * _ADDED
    promoting, detracting = (promoters + _ADDED) / total, (detractors + _ADDED) / total
    center = promoting - detracting
    return center, (promoting + detracting - center**2) / total


def _tenths(value: Fraction) -> float:
    """Round tenths to one decimal, halves away from zero, so that a mirrored split has the mirrored score."""
    rounded = int(abs(value) + Fraction(1, 2))
    return (rounded if value >= 0 else -rounded) / 10


def _root_tenths(square: Fraction) -> float:
    """Return the root of squared tenths with one decimal, rounded exactly: no float before the division by ten."""
    return (isqrt(int(4 * square)) + 1) // 2 / 10
