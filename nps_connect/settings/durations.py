"""The text form of durations: ``90d``, ``4h``, ``20s``, ``1d12h``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

_PART = re.compile(r"([0-9]+)([wdhms])")
_WHOLE = re.compile(r"(?:[0-9]+[wdhms])+")
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
MAX_DURATION = timedelta(days=3660)


def parse_duration(text: object) -> timedelta:
    """Parse a duration such as ``3d``; a `timedelta` is returned unchanged.

    Raises:
        ValueError: not a duration, or longer than ten years.
    """
    if isinstance(text, timedelta):
        return text
    if not isinstance(text, str) or not _WHOLE.fullmatch(text.strip()):
        raise ValueError("not a duration: write a number and a unit, such as 30s, 20m, 2h, 3d or 1w")
    seconds = 0
    for number, unit in _PART.findall(text):
        seconds += int(number[:12]) * _SECONDS[unit]
        if len(number) > 12 or seconds > MAX_DURATION.total_seconds():
            raise ValueError("longer than ten years")
    return timedelta(seconds=seconds)


def format_duration(value: timedelta) -> str:
    """Return the shortest text that `parse_duration` parses to the same duration, in whole seconds."""
    seconds = int(value.total_seconds())
    if seconds == 0:
        return "0s"
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        number, seconds = divmod(seconds, size)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts)


Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration)]
