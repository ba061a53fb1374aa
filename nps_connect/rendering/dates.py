"""Formats dates and times for people."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time


def format_day(moment: datetime, language: str) -> str:
    """Return the calendar day in the time zone of `moment`, such as `3 March 2026`; in French the first is `1er`."""
    text = format_date(moment.date(), "long", locale=_locale(language))
    return f"1er{text[1:]}" if moment.day == 1 and language.partition("-")[0] == "fr" else text


def format_datetime(moment: datetime, zone: ZoneInfo, language: str) -> str:
    """Return day, minute and zone, such as `3 March 2026, 14:05 (Europe/Paris)`."""
    local = moment.astimezone(zone)
    time = format_time(local.timetz(), "HH:mm", locale=_locale(language))
    return f"{format_day(local, language)}, {time} ({zone.key})"


def _locale(language: str) -> Locale:
    # British English: day before month, unambiguous outside America.
    return Locale.parse("en_GB" if language == "en" else language.replace("-", "_"))
