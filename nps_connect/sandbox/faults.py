"""Injected faults: configured rates, and random choices from a seed."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

FaultKind = Literal["status", "timeout", "reset", "malformed"]
FaultTiming = Literal["before", "after", "either"]

NOT_APPLIED_STATUSES = frozenset({408, 425, 429, 503})
"""Statuses that mean "not applied"; a vendor that returns one has applied nothing."""

FAULT_SYNTAX = (
    "timeout, reset, malformed or a status from 400 to 599, each alone or with -before or -after, and a rate: 500=0.05"
)


@dataclass(frozen=True)
class InjectedFault:
    """A fault of one request.

    Attributes:
        kind: an error status, no response, a connection reset, or a malformed response.
        applied: whether the request took effect first.
        status: the status, for `status`.
    """

    kind: FaultKind
    applied: bool
    status: int | None = None


@dataclass(frozen=True)
class FaultRate:
    """One part of ``--faults``: a fault and its rate.

    Attributes:
        kind: kind of the fault.
        timing: whether the request is applied first; `either` chooses at random each time.
        rate: share of requests, 0 to 1.
        status: the status, for `status`.
    """

    kind: FaultKind
    timing: FaultTiming
    rate: float
    status: int | None = None

    @classmethod
    def parse(cls, text: str) -> FaultRate:
        """Parse one part such as ``timeout-after=0.02``.

        Raises:
            ValueError: another format, or a rate outside 0 to 1.
        """
        name, separator, amount = (part.strip() for part in text.partition("="))
        if not separator:
            raise ValueError(f"{text.strip()!r} has no rate; allowed: {FAULT_SYNTAX}")
        kind, status, timing = _parse_fault_name(name)
        try:
            rate = float(amount)
        except ValueError as error:
            raise ValueError(f"{amount!r} is not a rate; allowed: a number from 0 to 1") from error
        if not 0 <= rate <= 1:
            raise ValueError(f"{amount} is not a rate; allowed: a number from 0 to 1")
        return cls(kind, timing, rate, status)


def _parse_fault_name(name: str) -> tuple[FaultKind, int | None, FaultTiming]:
    base, _, suffix = name.partition("-")
    timing: FaultTiming | None = {"": "either", "before": "before", "after": "after"}.get(suffix)  # type: ignore[assignment]
    if timing is None:
        raise ValueError(f"unknown fault {name!r}; allowed: {FAULT_SYNTAX}")
    if base in ("timeout", "reset", "malformed"):
        return base, None, timing  # type: ignore[return-value]
    if not (base.isascii() and base.isdigit() and len(base) == 3 and base[0] in "45"):
        raise ValueError(f"unknown fault {name!r}; allowed: {FAULT_SYNTAX}")
    status = int(base)
    if status in NOT_APPLIED_STATUSES or status < 500:
        if timing == "after":
            raise ValueError(f"{status} means that nothing was applied: it cannot occur after applying")
        timing = "before"
    return "status", status, timing


def parse_faults(text: str) -> tuple[FaultRate, ...]:
    """Parse ``--faults``, such as ``500=0.05,429=0.05,timeout-after=0.02``; an empty text has no faults.

    Raises:
        ValueError: a part is invalid, or the rates add up to more than 1.
    """
    rates = tuple(FaultRate.parse(part) for part in text.split(",") if part.strip())
    if sum(rate.rate for rate in rates) > 1 + 1e-9:
        raise ValueError("the rates add up to more than 1")
    return rates


@dataclass
class FaultPlan:
    """Chooses faults at random. The same seed gives the same faults for the same order of requests at one target.

    Every target (a vendor, the mailbox) has its own random generator, so the order between targets does not matter.

    Args:
        rates: possible faults with their rates.
        seed: seed of the random generators.
    """

    rates: tuple[FaultRate, ...] = ()
    seed: int = 0
    _random_by_target: dict[str, random.Random] = field(default_factory=dict, repr=False)
    _injected_counts: dict[str, int] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def draw(self, target: str) -> InjectedFault | None:
        """Return the fault of the next request at a target, or None."""
        if not self.rates:
            return None
        with self._lock:
            rng = self._random_by_target.get(target)
            if rng is None:
                rng = self._random_by_target[target] = random.Random(f"{self.seed}:{target}")  # noqa: S311  # repeatable
            position, is_applied_by_chance = rng.random(), rng.random() < 0.5
            for rate in self.rates:
                position -= rate.rate
                if position < 0:
                    self._injected_counts[target] = self._injected_counts.get(target, 0) + 1
                    applied = is_applied_by_chance if rate.timing == "either" else rate.timing == "after"
                    return InjectedFault(rate.kind, applied, rate.status)
        return None

    def injected_counts(self) -> Mapping[str, int]:
        """Return the number of injected faults by target."""
        with self._lock:
            return dict(self._injected_counts)
