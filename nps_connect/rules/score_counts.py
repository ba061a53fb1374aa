"""Numbers of responses by score, alone and in buckets of days, from which every figure is made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from nps_connect.records.base import SEGMENT_BY_SCORE, Segment
from nps_connect.rules.nps_arithmetic import MIN_RESPONSES, NpsFigure, compute_nps

_NO_RESPONSES = (0,) * len(SEGMENT_BY_SCORE)


@dataclass(frozen=True)
class ScoreCounts:
    """Numbers of responses.

    Attributes:
        by_score: confirmed responses with each score from 0 to 10.
        provisional: provisional responses, which count in no score.
    """

    by_score: tuple[int, ...] = _NO_RESPONSES
    provisional: int = 0

    @classmethod
    def of_scores(cls, counts: Iterable[tuple[int, int]], provisional: int = 0) -> ScoreCounts:
        """Return the counts of pairs of a score and a number, in which a score may occur several times."""
        by_score = list(_NO_RESPONSES)
        for score, count in counts:
            by_score[score] += count
        return cls(tuple(by_score), provisional)

    def __add__(self, other: ScoreCounts) -> ScoreCounts:
        by_score = tuple(first + second for first, second in zip(self.by_score, other.by_score, strict=True))
        return ScoreCounts(by_score, self.provisional + other.provisional)

    def __sub__(self, other: ScoreCounts) -> ScoreCounts:
        by_score = tuple(first - second for first, second in zip(self.by_score, other.by_score, strict=True))
        return ScoreCounts(by_score, self.provisional - other.provisional)

    def __bool__(self) -> bool:
        return any(self.by_score) or bool(self.provisional)

    def _of_segment(self, segment: Segment) -> int:
        return sum(count for count, name in zip(self.by_score, SEGMENT_BY_SCORE, strict=True) if name == segment)

    @property
    def promoters(self) -> int:
        """Confirmed responses of 9 and 10."""
        return self._of_segment("promoter")

    @property
    def passives(self) -> int:
        """Confirmed responses of 7 and 8."""
        return self._of_segment("passive")

    @property
    def detractors(self) -> int:
        """Confirmed responses of 0 to 6."""
        return self._of_segment("detractor")

    @property
    def responses(self) -> int:
        """All confirmed responses."""
        return sum(self.by_score)

    def figure(self) -> NpsFigure:
        """Compute the score with its interval."""
        return compute_nps(self.promoters, self.passives, self.detractors, self.provisional)


@dataclass(frozen=True)
class BucketCounts:
    """The responses of consecutive days.

    Attributes:
        start: first day, in the company's zone.
        end: the day after the last one.
        counts: of the responses.
    """

    start: date
    end: date
    counts: ScoreCounts = field(default_factory=ScoreCounts)


def merge_buckets(buckets: Sequence[BucketCounts], minimum: int = MIN_RESPONSES) -> list[BucketCounts]:
    """Join neighbours until each bucket has `minimum` responses; too few at the end go to the last bucket.

    With fewer than `minimum` responses in all buckets together, the result is one bucket.
    """
    merged: list[BucketCounts] = []
    pending: BucketCounts | None = None
    for bucket in buckets:
        pending = bucket if pending is None else _join(pending, bucket)
        if pending.counts.responses >= minimum:
            merged.append(pending)
            pending = None
    if pending is not None:
        merged.append(_join(merged.pop(), pending) if merged else pending)
    return merged


def _join(earlier: BucketCounts, later: BucketCounts) -> BucketCounts:
    return BucketCounts(earlier.start, later.end, earlier.counts + later.counts)
