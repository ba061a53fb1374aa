"""What can be wrong with a file: as a whole, or line by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from nps_connect.errors import NpsConnectError

MAX_KEPT_ERRORS = 100
"""So many faults are kept to be shown; all of them are counted."""


class InvalidImportFile(NpsConnectError):
    """The file cannot be read as it is: nothing of it is taken.

    Args:
        problem: what is wrong, one sentence without a final stop.
        line: where, counted from 1.
        fix: how to mend it.
    """

    def __init__(self, problem: str, *, line: int, fix: str) -> None:
        self.problem = problem
        self.line = line
        self.fix = fix
        super().__init__(f"line {line}: {problem}; {fix}")


@dataclass(frozen=True)
class RowError:
    """Why one line is not taken.

    Attributes:
        line: where its row begins, counted from 1.
        reason: a short name, to be counted.
        detail: one sentence, without the address.
    """

    line: int
    reason: str
    detail: str


@dataclass
class RowErrors:
    """Every line that is not taken: all counted, the first ones kept.

    Attributes:
        told: hears of each, to write it down elsewhere.
        counts: how many there are of each reason.
        first: the first ones.
    """

    told: Callable[[RowError], object] = lambda _fault: None
    counts: Counter[str] = field(default_factory=Counter)
    first: list[RowError] = field(default_factory=list)

    def note(self, fault: RowError) -> None:
        """Count one."""
        self.counts[fault.reason] += 1
        if len(self.first) < MAX_KEPT_ERRORS:
            self.first.append(fault)
        self.told(fault)

    @property
    def total(self) -> int:
        """How many lines are not taken."""
        return sum(self.counts.values())
