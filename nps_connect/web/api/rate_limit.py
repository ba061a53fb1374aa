"""A token bucket for each key: how many requests it may make in this process."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

PERIOD_SECONDS = 60


class Allowance(NamedTuple):
    """What is left of a bucket.

    Attributes:
        is_granted: the request may be served.
        remaining: whole requests left.
        reset_seconds: until the next request is granted, or the bucket has one more; rounded up.
    """

    is_granted: bool
    remaining: int
    reset_seconds: int


class RequestLimiter:
    """Token buckets by key; a full one holds the requests of a minute.

    Args:
        per_minute: requests per minute.
        clock: monotonic, in seconds.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._buckets: dict[int, tuple[float, float]] = {}

    def acquire(self, key_id: int) -> Allowance:
        """Take one request from the bucket of a key."""
        now, rate = self._clock(), self.per_minute / PERIOD_SECONDS
        level, filled_at = self._buckets.get(key_id, (float(self.per_minute), now))
        level = min(self.per_minute, level + max(0.0, now - filled_at) * rate)
        is_granted = level >= 1
        level -= is_granted
        self._buckets[key_id] = level, now
        missing = 1 - level % 1 if level < self.per_minute else 0.0
        return Allowance(is_granted, int(level), max(1, math.ceil(missing / rate)))

    def headers(self, allowance: Allowance) -> dict[str, str]:
        """Return the fields of draft-ietf-httpapi-ratelimit-headers-09, section 4."""
        return {
            "RateLimit-Policy": f'"default";q={self.per_minute};w={PERIOD_SECONDS}',
            "RateLimit": f'"default";r={allowance.remaining};t={allowance.reset_seconds}',
        }
