"""What a cell says: an address, a score, a moment, a language. Nothing is guessed and nothing is rounded."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from typing import Literal

from nps_connect.settings.base import LANGUAGE_PATTERN

DayOrder = Literal["day-first", "month-first"]
"""How ``03/04/2026`` is meant."""

MAX_ADDRESS_LENGTH = 254

_FORBIDDEN = re.compile(r"[\s\x00-\x1f\x7f<>()\[\],;:\\\"]")
_SCORE = re.compile(r"10|[0-9]")
_SECONDS = re.compile(r"[0-9]{9,10}")
_MILLISECONDS = re.compile(r"[0-9]{13}")
_YEAR_FIRST = re.compile(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?![0-9])(.*)", re.DOTALL)
_YEAR_LAST = re.compile(r"([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})(?![0-9])(.*)", re.DOTALL)
_CLOCK = re.compile(
    r"(?:[T,\s]+(?:à\s+)?([0-9]{1,2})[:h]([0-9]{2})(?::([0-9]{2})(?:[.,][0-9]+)?)?\s*([AaPp][Mm])?)?"
    r"\s*(Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2})?",
)


def parse_address(text: str) -> str:
    """An e-mail address.

    Raises:
        ValueError: nobody can be written to there.
    """
    found = text.strip()
    local, at, domain = found.rpartition("@")
    if not at or not local or "@" in local or "." not in domain.strip(".") or domain.startswith("."):
        raise ValueError("not an e-mail address such as marie@example.com")
    if _FORBIDDEN.search(found) or len(local) > 64 or len(found) > MAX_ADDRESS_LENGTH or ".." in domain:
        raise ValueError("an e-mail address with characters or a length that no mailbox has")
    return found


def parse_score(text: str) -> int:
    """A score.

    Raises:
        ValueError: not an integer from 0 to 10.
    """
    found = text.strip()
    if not _SCORE.fullmatch(found):
        raise ValueError(f"{_format_value(found)} is not an integer from 0 to 10")
    return int(found)


def parse_language(text: str) -> str | None:
    """A language tag, as ``fr`` or ``en-GB``; none for anything else."""
    primary, _, rest = text.strip().replace("_", "-").partition("-")
    tag = f"{primary.lower()}-{rest}" if rest else primary.lower()
    return tag if re.fullmatch(LANGUAGE_PATTERN, tag) and len(tag) <= 35 else None


def proven_day_order(text: str) -> DayOrder | None:
    """Which order of day and month a moment's own figures prove, if any."""
    found = _YEAR_LAST.fullmatch(text.strip())
    if found is None:
        return None
    first, second = int(found[1]), int(found[2])
    if first > 12 >= second:
        return "day-first"
    return "month-first" if second > 12 >= first else None


def is_ambiguous_date(text: str) -> bool:
    """Whether a moment means one of two days until the order of day and month is known."""
    found = _YEAR_LAST.fullmatch(text.strip())
    return found is not None and found[1].zfill(2) != found[2].zfill(2)


def has_time_zone(text: str) -> bool:
    """Whether a moment says where on earth its clock hangs."""
    found = text.strip()
    if _SECONDS.fullmatch(found) or _MILLISECONDS.fullmatch(found):
        return True
    dated = _YEAR_FIRST.fullmatch(found) or _YEAR_LAST.fullmatch(found)
    clock = _CLOCK.fullmatch(dated[4]) if dated else None
    return clock is not None and clock[5] is not None


def parse_moment(text: str, order: DayOrder | None, zone: tzinfo) -> datetime:
    """A moment, in UTC: ISO 8601, seconds or milliseconds since 1970, or day, month and year with or without a time.

    Args:
        text: the cell.
        order: of day and month where the year comes last.
        zone: for moments without one; a clock time that comes twice is the first.

    Raises:
        ValueError: not a moment, or ambiguous.
    """
    found = text.strip()
    if _SECONDS.fullmatch(found):
        return datetime.fromtimestamp(int(found), UTC)
    if _MILLISECONDS.fullmatch(found):
        return datetime.fromtimestamp(int(found) / 1000, UTC)
    dated = _YEAR_FIRST.fullmatch(found)
    if dated is not None:
        year, month, day = int(dated[1]), int(dated[2]), int(dated[3])
    else:
        dated = _YEAR_LAST.fullmatch(found)
        if dated is None:
            raise ValueError(f"{_format_value(found)} is not a date such as 2026-01-31 14:05")
        if order is None and is_ambiguous_date(found):
            raise ValueError(f"{_format_value(found)} is one of two days")
        first, second = int(dated[1]), int(dated[2])
        day, month = (second, first) if order == "month-first" else (first, second)
        year = int(dated[3])
    clock = _CLOCK.fullmatch(dated[4])
    if clock is None:
        raise ValueError(f"{_format_value(found)} is not a date such as 2026-01-31 14:05")
    try:
        return datetime(year, month, day, *_parse_time(clock), tzinfo=_parse_zone(clock[5], zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{_format_value(found)} is no day or time that exists") from None


def _parse_time(clock: re.Match[str]) -> tuple[int, int, int]:
    hour, half = int(clock[1] or 0), (clock[4] or "").upper()
    if half and not 1 <= hour <= 12:
        raise ValueError("twelve hours make half a day")
    if half:
        hour = hour % 12 + (12 if half == "PM" else 0)
    return hour, int(clock[2] or 0), int(clock[3] or 0)


def _parse_zone(told: str | None, zone: tzinfo) -> tzinfo:
    if told is None:
        return zone
    if told in ("Z", "UTC", "GMT"):
        return UTC
    sign, figures = told[0], told[1:].replace(":", "")
    aware = datetime.strptime(f"{sign}{figures}", "%z").tzinfo
    return aware or UTC


def _format_value(text: str) -> str:
    """A value for a sentence, short; whoever wrote an address into the wrong column finds it by its line."""
    return "the value" if "@" in text else repr(text if len(text) <= 40 else f"{text[:39]}…")
