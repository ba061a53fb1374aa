"""What the responses of a vendor say besides their content: its time, and ends of calls that it announces."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from nps_connect.records.vendor_responses import parse_http_date

REPORT_INTERVAL = timedelta(days=1)
"""An announcement is reported once in this period while responses repeat it."""

_SF_DATE = re.compile(r"@(-?[0-9]{1,12})", re.ASCII)
_LINK = re.compile(r"<([^<>]{1,500})>[^,<]*?;\s*rel=\"?(?:sunset|deprecation)\"?", re.IGNORECASE)


class AnnouncedEnd(NamedTuple):
    """An announcement in the headers of a vendor's response.

    Attributes:
        action: purpose of the call.
        deprecated_at: since when the call is discouraged (`Deprecation`, RFC 9745); None if unknown.
        ends_at: when it may stop working (`Sunset`, RFC 8594); None if unknown.
        link: page about it (`Link` with the relation ``sunset`` or ``deprecation``).
    """

    action: str
    deprecated_at: datetime | None
    ends_at: datetime | None
    link: str | None


class VendorNotices:
    """Collects the notices of one connection's responses; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_date: tuple[str, datetime] | None = None
        self._ends: dict[str, AnnouncedEnd] = {}
        self._reported_at: dict[AnnouncedEnd, datetime] = {}

    def record(self, action: str, headers: Mapping[str, str], now: datetime) -> None:
        """Record the notices of one response.

        Args:
            action: purpose of the call.
            headers: of the response, by name in lower case.
            now: when the response arrived.
        """
        date = headers.get("date")
        if date is not None:
            self._last_date = date, now
        if "sunset" in headers or "deprecation" in headers:
            with self._lock:
                self._ends[action] = parse_announced_end(action, headers)

    @property
    def clock_skew(self) -> timedelta | None:
        """How far this machine's clock was ahead of the vendor's at the last response; None if it is unknown."""
        if self._last_date is None:
            return None
        date, received_at = self._last_date
        sent_at = parse_http_date(date)
        return None if sent_at is None else received_at - sent_at

    def take_unreported(self, now: datetime) -> Iterator[AnnouncedEnd]:
        """Yield the announcements that were not yielded within `REPORT_INTERVAL`."""
        with self._lock:
            ends = list(self._ends.values())
            self._ends.clear()
        for end in ends:
            if now - self._reported_at.get(end, now - REPORT_INTERVAL) >= REPORT_INTERVAL:
                self._reported_at[end] = now
                yield end


def parse_announced_end(action: str, headers: Mapping[str, str]) -> AnnouncedEnd:
    """Return what the headers announce; invalid dates are None. Older drafts allowed an HTTP date or ``true``."""
    deprecation = headers.get("deprecation", "").strip()
    seconds = _SF_DATE.fullmatch(deprecation)
    link = _LINK.search(headers.get("link", ""))
    return AnnouncedEnd(
        action,
        _from_timestamp(int(seconds[1])) if seconds else parse_http_date(deprecation),
        parse_http_date(headers.get("sunset", "")),
        link[1] if link else None,
    )


def _from_timestamp(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None
