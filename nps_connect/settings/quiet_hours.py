"""Quiet hours as people write them: ``20:00-08:00``, or ``off``."""

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
    """Read quiet hours such as ``20:00-08:00``: when they begin and end; none for ``off``.

    Raises:
        ValueError: not a span of hours, or one that never ends.
    """
    if text.strip() == QUIET_HOURS_OFF:
        return None
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise ValueError("not a span of hours: write 20:00-08:00, or off")
    hours = [int(part) for part in found.groups()]
    begin, end = time(hours[0], hours[1]), time(hours[2], hours[3])
    if begin == end:
        raise ValueError("begins when it ends, so that nothing could ever be sent; write off for no quiet hours")
    return begin, end


def _quiet_hours(text: str) -> str:
    parse_quiet_hours(text)
    return text.strip()


QuietHours = Annotated[str, AfterValidator(_quiet_hours)]
