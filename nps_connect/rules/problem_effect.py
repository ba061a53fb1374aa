"""Whether a fix worked: which days are compared, and what the comparison says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count, groupby, islice
from typing import Literal, NamedTuple

from nps_connect.rules.nps_arithmetic import (
    Difference,
    NpsFigure,
    compute_contrast,
    compute_difference,
    compute_share_difference,
)

Verdict = Literal["better", "worse", "no_change_seen", "too_few"]
"""`no_change_seen` is not "no change": the change is smaller than what could be told from chance."""

_DAY = timedelta(days=1)


class DaySpan(NamedTuple):
    """Calendar days of the company's zone, both ends included."""

    first: date
    last: date


class EvaluationPlan(NamedTuple):
    """The days that are compared.

    Attributes:
        before: spans of days before the fix, in order; together as many days as `after` has.
        after: the days after the fix.
        due_on: the first day on which `after` is complete.
    """

    before: tuple[DaySpan, ...]
    after: DaySpan
    due_on: date


@dataclass(frozen=True)
class FixEffect:
    """What a comparison says.

    Attributes:
        verdict: what may be claimed.
        difference: how far those concerned moved: in points of the score beyond the movement of the others, or in
            percentage points of the share.
        concerned, others: how far the scores of each moved; None for shares.
    """

    verdict: Verdict
    difference: Difference
    concerned: Difference | None = None
    others: Difference | None = None


class ScoreComparison(NamedTuple):
    """Figures of those concerned and of the others, before and after the fix."""

    before: NpsFigure
    after: NpsFigure
    others_before: NpsFigure
    others_after: NpsFigure


class ShareComparison(NamedTuple):
    """Respondents who named the cause, and all respondents, before and after the fix."""

    named_before: int
    before: int
    named_after: int
    after: int


def plan_evaluation(*, fixed_on: date, entered_on: date, evidence: DaySpan, days: int) -> EvaluationPlan:
    """Return which days are compared.

    Days whose figures led to the problem are left out: a group that is picked because it was at its worst looks better
    afterwards without any fix. The days after the fix begin when its date has been entered, so that nobody enters a
    date whose result is known.

    Args:
        fixed_on: when the fix took effect; the day itself counts nowhere.
        entered_on: when that date was entered.
        evidence: the days whose figures led to opening the problem.
        days: length of each period.

    Raises:
        ValueError: `days` is not positive.
    """
    if days < 1:
        raise ValueError("a period has at least one day")
    first_after = max(fixed_on, entered_on) + _DAY
    after = DaySpan(first_after, first_after + (days - 1) * _DAY)
    return EvaluationPlan(tuple(_spans_before(fixed_on, evidence, days)), after, after.last + _DAY)


def _spans_before(fixed_on: date, evidence: DaySpan, days: int) -> Iterator[DaySpan]:
    """Yield the latest days before the fix that are no evidence, in order: one span, or two around the evidence."""
    candidates = (fixed_on - number * _DAY for number in count(1))
    latest = islice((day for day in candidates if not evidence.first <= day <= evidence.last), days)
    for _, span in groupby(reversed(list(latest)), key=lambda day: day > evidence.last):
        chosen = list(span)
        yield DaySpan(chosen[0], chosen[-1])


def judge_score(counts: ScoreComparison) -> FixEffect:
    """Compare how far the score of those concerned moved with how far the score of the others moved."""
    before, after, others_before, others_after = counts
    difference = compute_contrast([(1, after), (-1, before), (-1, others_after), (1, others_before)])
    return FixEffect(
        _verdict(difference, better_if_positive=True),
        difference,
        compute_difference(after, before),
        compute_difference(others_after, others_before),
    )


def judge_share(counts: ShareComparison) -> FixEffect:
    """Compare the share of respondents who name the cause after the fix with the share before.

    The score of those who name it is never compared: who still names a rarer problem is another group of people.
    """
    difference = compute_share_difference((counts.named_after, counts.after), (counts.named_before, counts.before))
    return FixEffect(_verdict(difference, better_if_positive=False), difference)


def _verdict(difference: Difference, *, better_if_positive: bool) -> Verdict:
    if difference.too_small or difference.points is None:
        return "too_few"
    if not difference.is_beyond_noise:
        return "no_change_seen"
    return "better" if (difference.points > 0) == better_if_positive else "worse"
