"""Parse cells: addresses, scores, moments, languages. Nothing is guessed or rounded."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nps_connect.settings.base import LANGUAGE_PATTERN

DayOrder = Literal["day-first", "month-first"]
"""Order of day and month in dates such as ``03/04/2026``."""

MAX_ADDRESS_LENGTH = 254

_FORBIDDEN = re.compile(r"[\s\x00-\x1f\x7f<>()\[\],;:\\\"]")
_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Unicode categories of characters that nobody sees."""

_SCORE = re.compile(r"10|[0-9]")
_LABEL = r"[^\d\n]{1,80}?"
_SCORE_WITH_LABEL = re.compile(
    rf"(10|[0-9])(?:\s+[-–—=]\s+|\s*:\s+|[.)]\s+){_LABEL}"  # 10 - Très probable
    rf"|(10|[0-9])\s*\({_LABEL}\)"  # 0 (not at all)
    rf"|{_LABEL}(?:\s+[-–—=]\s+|\s*:\s+)(10|[0-9])"  # Extremely likely - 10
    rf"|{_LABEL}\s*\((10|[0-9])\)"  # Extremely likely (10)
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_LIKELIHOOD = re.compile(r"\b(?:un)?likely\b|\bprobables?\b", re.IGNORECASE)
_UNLIKELY = re.compile(r"\bunlikely\b|\bnot\b|\bpas\b|\bpeu\b", re.IGNORECASE)
_SECONDS = re.compile(r"[0-9]{9,10}")
_MILLISECONDS = re.compile(r"[0-9]{13}")
_YEAR_FIRST = re.compile(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?![0-9])(.*)", re.DOTALL)
_YEAR_LAST = re.compile(r"([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})(?![0-9])(.*)", re.DOTALL)
_CLOCK = re.compile(
    r"(?:[T,\s]+(?:à\s+)?([0-9]{1,2})[:h]([0-9]{2})(?::([0-9]{2})(?:[.,][0-9]+)?)?\s*([AaPp]\.?\s?[Mm]\b\.?)?)?"
    r"\s*((?:UTC|GMT)?[+\-−][0-9]{1,2}(?::?[0-5][0-9])?|[A-Z]{1,5}|[A-Z][A-Za-z_]+(?:/[A-Z][A-Za-z_+-]*[0-9]*){1,2})?",
)
_OFFSET = re.compile(r"(UTC|GMT)?([+\-−])([0-9]{1,2})(?::?([0-5][0-9]))?")
_HOURS_BY_ABBREVIATION = {
    "Z": 0, "UTC": 0, "GMT": 0, "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3,
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}  # fmt: skip
"""Abbreviations of Europe, and of North America as in RFC 5322, 4.3. Others, such as IST, have several meanings."""


def parse_address(text: str) -> str:
    """Parse an e-mail address.

    Raises:
        ValueError: no mailbox can have this address.
    """
    address = text.strip()
    if not address.isprintable():
        invisible = next((char for char in address if unicodedata.category(char) in _INVISIBLE), None)
        if invisible is not None:
            raise ValueError(f"an e-mail address with an invisible character (U+{ord(invisible):04X}): type it again")
    local, at, domain = address.rpartition("@")
    if not at or not local or "@" in local or "." not in domain.strip(".") or domain.startswith("."):
        raise ValueError("not an e-mail address such as marie@example.com")
    if _FORBIDDEN.search(address) or len(local) > 64 or len(address) > MAX_ADDRESS_LENGTH or ".." in domain:
        raise ValueError("an e-mail address with characters or a length that no mailbox has")
    return address


def parse_score(text: str) -> int:
    """Parse a score: a number, alone or set apart from its label, such as ``Extremely likely - 10``.

    Raises:
        ValueError: not an integer from 0 to 10.
    """
    score = text.strip()
    if _SCORE.fullmatch(score):
        return int(score)
    labelled = _SCORE_WITH_LABEL.fullmatch(score)
    if labelled is None or not any(char.isalpha() for char in score):
        raise ValueError(f"{_format_value(score)} is not an integer from 0 to 10")
    return int(next(number for number in labelled.groups() if number is not None))


def implied_end(text: str) -> Literal[0, 10] | None:
    """Return the end of the scale that an invalid score probably stands for, by its only number or its words; or None.

    Tools write words at the ends of a scale only: `parse_score` may miss all of them, and the others alone would
    misrepresent the result.
    """
    numbers = {float(number.replace(",", ".")) for number in _NUMBER.findall(text)}
    if numbers == {0.0}:
        return 0
    if numbers == {10.0}:
        return 10
    if numbers or not _LIKELIHOOD.search(text):
        return None
    return 0 if _UNLIKELY.search(text) else 10


def parse_language(text: str) -> str | None:
    """Parse a language tag such as ``fr`` or ``en-GB``; return None for anything else."""
    primary, _, subtags = text.strip().replace("_", "-").partition("-")
    tag = f"{primary.lower()}-{subtags}" if subtags else primary.lower()
    return tag if re.fullmatch(LANGUAGE_PATTERN, tag) and len(tag) <= 35 else None


def proven_day_order(text: str) -> DayOrder | None:
    """Return the order of day and month that a date proves by itself, or None."""
    date = _YEAR_LAST.fullmatch(text.strip())
    if date is None:
        return None
    first, second = int(date[1]), int(date[2])
    if first > 12 >= second:
        return "day-first"
    return "month-first" if second > 12 >= first else None


def is_ambiguous_date(text: str) -> bool:
    """Whether a date means one of two days unless the order of day and month is known."""
    date = _YEAR_LAST.fullmatch(text.strip())
    return date is not None and date[1].zfill(2) != date[2].zfill(2)


def has_time_zone(text: str) -> bool:
    """Whether a moment states its time zone."""
    moment = text.strip()
    if _SECONDS.fullmatch(moment) or _MILLISECONDS.fullmatch(moment):
        return True
    date = _YEAR_FIRST.fullmatch(moment) or _YEAR_LAST.fullmatch(moment)
    clock = _CLOCK.fullmatch(date[4]) if date else None
    return clock is not None and clock[5] is not None


def parse_moment(text: str, order: DayOrder | None, zone: tzinfo) -> datetime:
    """Parse a moment (UTC): ISO 8601, seconds or milliseconds since 1970, or a date with or without a time.

    Args:
        text: the cell.
        order: order of day and month where the year comes last.
        zone: time zone of moments without one; a local time that occurs twice is the first.

    Raises:
        ValueError: not a moment, or ambiguous.
    """
    moment = text.strip()
    if _SECONDS.fullmatch(moment):
        return datetime.fromtimestamp(int(moment), UTC)
    if _MILLISECONDS.fullmatch(moment):
        return datetime.fromtimestamp(int(moment) / 1000, UTC)
    (year, month, day), time_text = _parse_date(moment, order)
    clock = _CLOCK.fullmatch(time_text)
    if clock is None:
        raise ValueError(f"{_format_value(moment)} is not a date such as 2026-01-31 14:05")
    stated_zone = _parse_zone(clock[5], zone, has_time=clock[1] is not None)
    try:
        return datetime(year, month, day, *_parse_time(clock), tzinfo=stated_zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{_format_value(moment)} is not an existing day or time") from None


def _parse_date(moment: str, order: DayOrder | None) -> tuple[tuple[int, int, int], str]:
    """Year, month and day, and the rest of the text."""
    date = _YEAR_FIRST.fullmatch(moment)
    if date is not None:
        return (int(date[1]), int(date[2]), int(date[3])), date[4]
    date = _YEAR_LAST.fullmatch(moment)
    if date is None:
        raise ValueError(f"{_format_value(moment)} is not a date such as 2026-01-31 14:05")
    if order is None and is_ambiguous_date(moment):
        raise ValueError(f"{_format_value(moment)} is ambiguous: day and month may be swapped")
    first, second = int(date[1]), int(date[2])
    day, month = (second, first) if order == "month-first" else (first, second)
    return (int(date[3]), month, day), date[4]


def _parse_time(clock: re.Match[str]) -> tuple[int, int, int]:
    hour, half = int(clock[1] or 0), (clock[4] or "").upper()
    if half and not 1 <= hour <= 12:
        raise ValueError("twelve hours make half a day")
    if half:
        hour = hour % 12 + (12 if half[0] == "P" else 0)
    return hour, int(clock[2] or 0), int(clock[3] or 0)


def _parse_zone(text: str | None, default: tzinfo, *, has_time: bool) -> tzinfo:
    if text is None:
        return default
    if text in _HOURS_BY_ABBREVIATION:
        return timezone(timedelta(hours=_HOURS_BY_ABBREVIATION[text]))
    offset = _OFFSET.fullmatch(text)
    try:
        if offset is None and "/" in text:
            return ZoneInfo(text)
        if offset is not None and (has_time or offset[1] or offset[4]):
            size = timedelta(hours=int(offset[3]), minutes=int(offset[4] or 0))
            return timezone(size if offset[2] == "+" else -size)
    except (ZoneInfoNotFoundError, ValueError):
        pass
    raise ValueError(f"{text!r} is not a time zone with one meaning, such as +01:00 or Europe/Paris")


def _format_value(text: str) -> str:
    """A value for a sentence, shortened; an address in the wrong column is not shown."""
    return "the value" if "@" in text else repr(text if len(text) <= 40 else f"{text[:39]}…")
