"""Errors of an imported file: of the file as a whole, or of single rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from nps_connect.errors import NpsConnectError

MAX_KEPT_ERRORS = 100
"""Number of row errors that are kept; all of them are counted."""


class InvalidImportFile(NpsConnectError):
    """The file cannot be imported; nothing of it is stored.

    Args:
        problem: one sentence without a final stop.
        line: line number, counted from 1.
        fix: what to do about it.

    Attributes:
        file: name of the file, where several are imported.
    """

    def __init__(self, problem: str, *, line: int, fix: str) -> None:
        self.problem = problem
        self.line = line
        self.fix = fix
        self.file: str | None = None
        super().__init__(f"line {line}: {problem}; {fix}")

    def __str__(self) -> str:
        """Return the sentence, with the name of the file."""
        sentence = super().__str__()
        return f"{self.file}, {sentence}" if self.file else sentence


@contextmanager
def naming_file(name: str) -> Iterator[None]:
    """Let an error that is raised within the block name this file."""
    try:
        yield
    except InvalidImportFile as error:
        error.file = error.file or name
        raise


class InvalidRow(Exception):  # control flow: becomes a `RowError`
    """One row cannot be imported.

    Args:
        reason: a short name, to be counted.
        detail: one sentence, without the address.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class RowError:
    """Why one row is not imported.

    Attributes:
        line: line number at which the row begins, counted from 1.
        reason: a short name, to be counted.
        detail: one sentence, without the address.
    """

    line: int
    reason: str
    detail: str


@dataclass
class RowErrors:
    """Rows that are not imported: all are counted, the first ones kept.

    Attributes:
        on_error: called with each error.
        counts: number of errors by reason.
        samples: the first `MAX_KEPT_ERRORS` errors.
        unit: what the numbers of the rows count: ``line`` or ``entry``.
    """

    on_error: Callable[[RowError], object] = lambda _error: None
    counts: Counter[str] = field(default_factory=Counter)
    samples: list[RowError] = field(default_factory=list)
    unit: str = "line"

    def record(self, error: RowError) -> None:
        """Count an error."""
        self.counts[error.reason] += 1
        if len(self.samples) < MAX_KEPT_ERRORS:
            self.samples.append(error)
        self.on_error(error)

    def joined(self, other: RowErrors) -> RowErrors:
        """Return the errors of both, which concern different rows."""
        samples = [*self.samples, *other.samples][:MAX_KEPT_ERRORS]
        return RowErrors(counts=self.counts + other.counts, samples=samples)

    @property
    def total(self) -> int:
        """Number of rows that are not imported."""
        return sum(self.counts.values())
