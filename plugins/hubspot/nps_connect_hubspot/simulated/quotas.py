"""The portal's quotas by its own clock: a burst per ten seconds, searches per second, calls per day."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from nps_connect_hubspot.simulated.replies import Refusal

TEN_SECONDS = timedelta(seconds=10)
ONE_SECOND = timedelta(seconds=1)


@dataclass
class Quotas:
    """Call limits of the portal.

    Attributes:
        burst: calls in any ten seconds (Professional: 190).
        searches: searches in any second.
        daily: calls of a calendar day in the portal's time zone.
        refused: calls that were answered with 429.
    """

    zone: ZoneInfo
    burst: int = 190
    searches: int = 5
    daily: int = 650_000
    refused: int = 0
    used_today: int = 0
    _day: date | None = None
    _calls: deque[datetime] = field(default_factory=deque)
    _searches: deque[datetime] = field(default_factory=deque)

    def count_call(self, now: datetime, *, search: bool) -> None:
        """Count a call.

        Raises:
            Refusal: 429; the call is not counted then.
        """
        self._start_day(now)
        calls, limit, window = (
            (self._searches, self.searches, ONE_SECOND) if search else (self._calls, self.burst, TEN_SECONDS)
        )
        while calls and calls[0] <= now - window:
            calls.popleft()
        if self.used_today >= self.daily:
            raise self._refusal("You have reached your daily limit.", "DAILY")
        if len(calls) >= limit:
            if search:
                raise self._refusal("You have reached your secondly limit.", None)
            raise self._refusal("You have reached your ten_secondly_rolling limit.", "TEN_SECONDLY_ROLLING")
        calls.append(now)
        self.used_today += 1

    def headers(self, now: datetime, *, search: bool) -> dict[str, str]:
        """Return the quota headers of a response; search responses have none."""
        if search:
            return {}
        self._start_day(now)
        recent = sum(1 for moment in self._calls if moment > now - TEN_SECONDS)
        return {
            "X-HubSpot-RateLimit-Max": str(self.burst),
            "X-HubSpot-RateLimit-Remaining": str(max(0, self.burst - recent)),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            "X-HubSpot-RateLimit-Daily": str(self.daily),
            "X-HubSpot-RateLimit-Daily-Remaining": str(max(0, self.daily - self.used_today)),
        }

    def _start_day(self, now: datetime) -> None:
        today = now.astimezone(self.zone).date()
        if today != self._day:
            self._day, self.used_today = today, 0

    def _refusal(self, message: str, policy: str | None) -> Refusal:
        self.refused += 1
        refusal = Refusal(429, "RATE_LIMITS", message, errorType="RATE_LIMIT")
        if policy:
            refusal.body["policyName"] = policy
        return refusal
