"""Retry plans: when a failed delivery is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from nps_connect.settings.durations import parse_duration

MAX_RETRY_AFTER = timedelta(hours=1)


@dataclass(frozen=True)
class RetryPlan:
    """Delays between attempts.

    Attributes:
        delays: after the first failure, after the second, and so on; a failure after the last one is final.
        jitter: random share (0 to below 1) by which a delay is shortened or lengthened, so that retries spread out.
        total: no attempt later than this after the first one.
    """

    delays: tuple[timedelta, ...]
    jitter: float
    total: timedelta

    def __post_init__(self) -> None:
        if not 0 <= self.jitter < 1:
            raise ValueError(f"jitter must be from 0 to below 1, not {self.jitter}")
        if any(delay <= timedelta(0) for delay in self.delays) or self.total <= timedelta(0):
            raise ValueError("delays and total must be positive")

    def longest_wait(self, attempts: int) -> timedelta:
        """Return the longest time until the next attempt after so many, with jitter or a vendor's `Retry-After`."""
        return max(2 * self.delays[: max(attempts, 1)][-1], MAX_RETRY_AFTER) if self.delays else MAX_RETRY_AFTER


def parse_retry_plan(delays: str, *, jitter: float = 0.2, total: str) -> RetryPlan:
    """Parse a plan from text, such as ``parse_retry_plan("20s 1m 5m", total="1d")``.

    Raises:
        ValueError: not durations.
    """
    return RetryPlan(tuple(parse_duration(delay) for delay in delays.split()), jitter, parse_duration(total))


INTAKE_PLAN = parse_retry_plan("5s 15s 1m 5m 15m 1h 2h 4h 8h 12h 1d 1d", total="4d")
"""For intake: raw requests to parse, contacts to look up."""


def next_attempt_at(
    plan: RetryPlan, attempts: int, first_try: datetime, now: datetime, chance: float, after: timedelta | None
) -> datetime | None:
    """Return when to try again; None if the plan is exhausted.

    `Retry-After` may lengthen the plan's delay up to twice its length or one hour, whichever is longer; it never
    shortens it.

    Args:
        plan: the action's plan.
        attempts: attempts so far, the failed one included (1 or more; rate limits do not count).
        first_try: when the first of them began.
        now: the present moment.
        chance: random number from 0 to below 1; 0.5 means no jitter.
        after: the vendor's `Retry-After`, if any.
    """
    if attempts > len(plan.delays):
        return None
    delay = plan.delays[max(attempts, 1) - 1]
    wait = delay * (1 + plan.jitter * (2 * chance - 1))
    if after is not None:
        wait = max(wait, min(after, max(2 * delay, MAX_RETRY_AFTER)))
    moment = now + wait
    return moment if moment - first_try <= plan.total else None
