"""Faults that the sandbox injects on purpose: rates in words, chance from a seed."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

FaultKind = Literal["status", "timeout", "reset", "malformed"]
FaultTiming = Literal["before", "after", "either"]

NOT_APPLIED_STATUSES = frozenset({408, 425, 429, 503})
"""Statuses by which a vendor says that nothing happened: an honest one applies nothing before it answers so."""

FAULT_SYNTAX = (
    "timeout, reset, malformed or a status from 400 to 599, each alone or with -before or -after, and a rate: 500=0.05"
)


@dataclass(frozen=True)
class InjectedFault:
    """What goes wrong with one request.

    Attributes:
        kind: an error status, no answer at all, a reset of the line, or an answer that nobody can read.
        applied: the request took effect before things went wrong.
        status: the status, for `status`.
    """

    kind: FaultKind
    applied: bool
    status: int | None = None


@dataclass(frozen=True)
class FaultRate:
    """One part of ``--faults``: a fault and how often it strikes.

    Attributes:
        kind: what goes wrong.
        when: whether the request is applied first; `either` tosses a coin each time.
        rate: share of requests, 0 to 1.
        status: the status, for `status`.
    """

    kind: FaultKind
    when: FaultTiming
    rate: float
    status: int | None = None

    @classmethod
    def parse(cls, text: str) -> FaultRate:
        """Read one part such as ``timeout-after=0.02``.

        Raises:
            ValueError: not of that shape, or a rate outside 0 to 1.
        """
        name, sign, amount = (part.strip() for part in text.partition("="))
        if not sign:
            raise ValueError(f"{text.strip()!r} names no rate; allowed: {FAULT_SYNTAX}")
        kind, status, when = _parse_fault_name(name)
        try:
            rate = float(amount)
        except ValueError as error:
            raise ValueError(f"{amount!r} is not a rate; allowed: a number from 0 to 1") from error
        if not 0 <= rate <= 1:
            raise ValueError(f"{amount} is not a rate; allowed: a number from 0 to 1")
        return cls(kind, when, rate, status)


def _parse_fault_name(name: str) -> tuple[FaultKind, int | None, FaultTiming]:
    base, _, moment = name.partition("-")
    when: FaultTiming | None = {"": "either", "before": "before", "after": "after"}.get(moment)  # type: ignore[assignment]
    if when is None:
        raise ValueError(f"no fault is called {name!r}; allowed: {FAULT_SYNTAX}")
    if base in ("timeout", "reset", "malformed"):
        return base, None, when  # type: ignore[return-value]
    if not (base.isascii() and base.isdigit() and len(base) == 3 and base[0] in "45"):
        raise ValueError(f"no fault is called {name!r}; allowed: {FAULT_SYNTAX}")
    status = int(base)
    if status in NOT_APPLIED_STATUSES or status < 500:
        if when == "after":
            raise ValueError(f"{status} says that nothing was applied: it cannot strike afterwards")
        when = "before"
    return "status", status, when


def parse_faults(text: str) -> tuple[FaultRate, ...]:
    """Read ``--faults``, such as ``500=0.05,429=0.05,timeout-after=0.02``; nothing but spaces gives none.

    Raises:
        ValueError: a part that cannot be read, or rates that add up to more than 1.
    """
    rates = tuple(FaultRate.parse(part) for part in text.split(",") if part.strip())
    if sum(rate.rate for rate in rates) > 1 + 1e-9:
        raise ValueError("the rates add up to more than 1")
    return rates


@dataclass
class FaultPlan:
    """Draws faults. The same seed gives the same faults to the same order of requests at one place.

    Every place (a vendor, the mailbox) has chance of its own, so that the order between places does not matter.

    Args:
        rates: what may strike, and how often.
        seed: where chance starts.
    """

    rates: tuple[FaultRate, ...] = ()
    seed: int = 0
    _random_by_target: dict[str, random.Random] = field(default_factory=dict, repr=False)
    _injected_counts: dict[str, int] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def draw(self, place: str) -> InjectedFault | None:
        """The fault of the next request at a place, or none."""
        if not self.rates:
            return None
        with self._lock:
            chance = self._random_by_target.get(place)
            if chance is None:
                chance = self._random_by_target[place] = random.Random(f"{self.seed}:{place}")  # noqa: S311  # repeatable
            mark, applied_by_coin = chance.random(), chance.random() < 0.5
            for rate in self.rates:
                mark -= rate.rate
                if mark < 0:
                    self._injected_counts[place] = self._injected_counts.get(place, 0) + 1
                    applied = applied_by_coin if rate.when == "either" else rate.when == "after"
                    return InjectedFault(rate.kind, applied, rate.status)
        return None

    def injected_counts(self) -> Mapping[str, int]:
        """How many faults have struck so far, by place."""
        with self._lock:
            return dict(self._injected_counts)
