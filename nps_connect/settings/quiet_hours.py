"""The text form of quiet hours: ``20:00-08:00``, or ``off``."""

from __future__ import annotations

import re
from datetime import time
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import AfterValidator

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
QUIET_HOURS_OFF = "off"
_SPAN = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")


@lru_cache(maxsize=8)
def parse_quiet_hours(text: str) -> tuple[time, time] | None:
    """Parse quiet hours such as ``20:00-08:00`` into start and end; None for ``off``.

    Raises:
        ValueError: not a span of hours, or start and end are equal.
    """
    if text.strip() == QUIET_HOURS_OFF:
        return None
    match = _SPAN.fullmatch(text.strip())
    if match is None:
        raise ValueError("not a span of hours: write 20:00-08:00, or off")
    hours = [int(part) for part in match.groups()]
    start, end = time(hours[0], hours[1]), time(hours[2], hours[3])
    if start == end:
        raise ValueError("starts when it ends, so that nothing could ever be sent; write off for no quiet hours")
    return start, end


def _check_quiet_hours(text: str) -> str:
    parse_quiet_hours(text)
    return text.strip()


QuietHours = Annotated[str, AfterValidator(_check_quiet_hours)]
