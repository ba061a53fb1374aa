"""When a score has gone down by more than chance explains, over all series that are watched. Pure.

Once a week each series is compared with its past in two windows. A comparison of an unchanged series exceeds the limit
with the probability `alarm_limit`; over all comparisons of two years that makes `FALSE_ALARMS` at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from nps_connect.rules.nps_arithmetic import Difference, NpsFigure, compute_difference, compute_nps, drop_probability

WINDOW_WEEKS = (1, 4)
"""Lengths of the recent period: a large drop shows within a week, a smaller one within a month."""

REFERENCE_WEEKS = 26
"""Length of the earlier period, which ends where the recent one begins."""

HISTORY_WEEKS = max(WINDOW_WEEKS) + REFERENCE_WEEKS
MIN_REFERENCE_RESPONSES = 100
"""A reference of fewer responses moves by itself; the series is not watched yet."""

LOOKS = 104
"""Weekly comparisons in two years."""

FALSE_ALARMS = 0.8
"""False alarms in two years that the limit aims at: below the one that is promised, because the tail of a small sample
is heavier than that of a normal distribution (docs/score-alarms.md)."""


class WeekCounts(NamedTuple):
    """Confirmed responses of one week, by segment."""

    promoters: int
    passives: int
    detractors: int


class ScoreDrop(NamedTuple):
    """A drop beyond chance.

    Attributes:
        window_weeks: length of the recent period.
        recent, earlier: the figures that are compared.
        difference: recent minus earlier.
        probability: how often chance alone lets a score drop so far (one-sided).
    """

    window_weeks: int
    recent: NpsFigure
    earlier: NpsFigure
    difference: Difference
    probability: float


def alarm_limit(series: int) -> float:
    """Return the one-sided probability under which a comparison raises an alarm.

    Args:
        series: how many series are watched, at least 1.
    """
    return FALSE_ALARMS / (LOOKS * len(WINDOW_WEEKS) * max(series, 1))


def find_drop(weeks: Sequence[WeekCounts], series: int) -> ScoreDrop | None:
    """Return the clearest drop of a series at the end of its newest week, or None.

    Args:
        weeks: counts of the newest `HISTORY_WEEKS` weeks, oldest first; fewer for a younger series.
        series: how many series are watched.
    """
    drops = [drop for window in WINDOW_WEEKS if (drop := _compare(weeks, window)) is not None]
    clearest = min(drops, key=attrgetter("probability"), default=None)
    return clearest if clearest is not None and clearest.probability < alarm_limit(series) else None


def _compare(weeks: Sequence[WeekCounts], window: int) -> ScoreDrop | None:
    """Compare a window with the weeks before it; None without a drop, or with too few responses to judge."""
    recent = _sum(weeks[-window:])
    earlier = _sum(weeks[-window - REFERENCE_WEEKS : -window])
    if recent.too_small or earlier.responses < MIN_REFERENCE_RESPONSES:
        return None
    if (recent.score or 0) >= (earlier.score or 0):
        return None
    return ScoreDrop(window, recent, earlier, compute_difference(recent, earlier), drop_probability(recent, earlier))


def _sum(weeks: Sequence[WeekCounts]) -> NpsFigure:
    promoters, passives, detractors = (sum(counts) for counts in zip(*weeks, strict=True)) if weeks else (0, 0, 0)
    return compute_nps(promoters, passives, detractors)
