"""Days and moments as people read them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time


def format_day(moment: datetime, language: str) -> str:
    """The calendar day in the moment's own time zone, such as `3 March 2026`; in French the first is `1er`."""
    told = format_date(moment.date(), "long", locale=_locale(language))
    return f"1er{told[1:]}" if moment.day == 1 and language.partition("-")[0] == "fr" else told


def format_datetime(moment: datetime, zone: ZoneInfo, language: str) -> str:
    """Day and minute in a zone that is named, such as `3 March 2026, 14:05 (Europe/Paris)`."""
    local = moment.astimezone(zone)
    clock = format_time(local.timetz(), "HH:mm", locale=_locale(language))
    return f"{format_day(local, language)}, {clock} ({zone.key})"


def _locale(language: str) -> Locale:
    # British English: the day stands before the month, which readers outside America cannot misread.
    return Locale.parse("en_GB" if language == "en" else language.replace("-", "_"))
