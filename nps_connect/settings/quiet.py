"""Quiet times: when customers get no mail."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, PlainSerializer

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NEVER = "none"
_SPAN = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")


def parse_hours(value: object) -> tuple[time, time] | None:
    """Read a span such as ``20:00-08:00``; ``none`` means no quiet hours.

    Raises:
        ValueError: not a span, or one of no length.
    """
    if value is None or isinstance(value, tuple):
        return value
    text = value.strip() if isinstance(value, str) else ""
    if text == NEVER:
        return None
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError("not a span of hours: write 20:00-08:00, or none")
    hours = [int(part) for part in found.groups()]
    begin, end = time(hours[0], hours[1]), time(hours[2], hours[3])
    if begin == end:
        raise ValueError("begins and ends at the same time: write none for no quiet hours")
    return begin, end


def format_hours(value: tuple[time, time] | None) -> str:
    """The text that `parse_hours` reads back."""
    return NEVER if value is None else f"{value[0]:%H:%M}-{value[1]:%H:%M}"


def _some_day_left(days: tuple[Weekday, ...]) -> tuple[Weekday, ...]:
    if len(set(days)) == len(WEEKDAYS):
        raise ValueError("names all seven days: no mail would ever be sent")
    return days


QuietHours = Annotated[tuple[time, time] | None, BeforeValidator(parse_hours), PlainSerializer(format_hours)]
QuietDays = Annotated[tuple[Weekday, ...], AfterValidator(_some_day_left)]
