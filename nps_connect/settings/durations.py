"""The text forms of durations (``90d``, ``1d12h``) and of delays (``3d``, ``2d then next tuesday 10:00``)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_PART = re.compile(r"([0-9]+)([wdhms])")
_WHOLE = re.compile(r"(?:[0-9]+[wdhms])+")
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
MAX_DURATION = timedelta(days=3660)

WEEKDAYS_BY_NAME: dict[str, tuple[int, ...]] = {
    "monday": (0,),
    "tuesday": (1,),
    "wednesday": (2,),
    "thursday": (3,),
    "friday": (4,),
    "saturday": (5,),
    "sunday": (6,),
    "weekday": (0, 1, 2, 3, 4),
    "day": (0, 1, 2, 3, 4, 5, 6),
}
DELAY_FORMS = "write a duration such as 3d, or next tuesday 10:00, or 3d then next weekday 10:00"
_WORD = re.compile(r"\S+")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


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


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration),
    WithJsonSchema(
        {"type": "string", "pattern": rf"^\s*{_WHOLE.pattern}\s*$", "examples": ["30s", "20m", "2h", "3d", "1w"]}
    ),
]


@dataclass(frozen=True)
class Delay:
    """The delay from an event to a mail: `delay` of a trigger, resolved by `rules.timing`.

    Attributes:
        wait: the fixed part.
        day: a weekday or group of days (a key of `WEEKDAYS_BY_NAME`); the mail is due at the first such day and time
            strictly after the wait, which may be the same day. None: due right after the wait.
        clock: time of that day, in the contact's time zone.
    """

    wait: timedelta = timedelta()
    day: str | None = None
    clock: time = time()

    def __bool__(self) -> bool:
        """Return whether the delay is not zero."""
        return bool(self.wait) or self.day is not None


def parse_delay(value: object) -> Delay:
    """Parse a delay; a `Delay` or a `timedelta` is accepted too.

    Raises:
        ValueError: not a delay; the text names the column (1-based) of the invalid part.
    """
    if isinstance(value, Delay):
        return value
    if not isinstance(value, str):
        return Delay(parse_duration(value))
    words = [(match.start() + 1, match[0].lower()) for match in _WORD.finditer(value)]
    if not words:
        raise ValueError(f"empty; {DELAY_FORMS}")
    if words[0][1] == "next":
        return _parse_next_day(words, timedelta(), len(value))
    try:
        wait = parse_duration(words[0][1])
    except ValueError as error:
        raise ValueError(f"column {words[0][0]}: {error}; or {DELAY_FORMS.partition('or ')[2]}") from None
    if len(words) == 1:
        return Delay(wait)
    column, word = words[1]
    if word != "then":
        raise ValueError(f"column {column}: {word!r} is not expected here; {DELAY_FORMS}")
    return _parse_next_day(words[2:], wait, len(value))


def format_delay(delay: Delay) -> str:
    """Return the text that `parse_delay` parses to the same delay."""
    if delay.day is None:
        return format_duration(delay.wait)
    next_day = f"next {delay.day} {delay.clock:%H:%M}"
    return f"{format_duration(delay.wait)} then {next_day}" if delay.wait else next_day


def _parse_next_day(words: list[tuple[int, str]], wait: timedelta, length: int) -> Delay:
    expected = ("next", "a day", "a time of day such as 10:00")
    if len(words) < len(expected):
        raise ValueError(f"column {length + 1}: {expected[len(words)]} is missing; {DELAY_FORMS}")
    (column, word), (day_column, day), (clock_column, clock) = words[:3]
    if word != "next":
        raise ValueError(f"column {column}: {word!r} is not expected here; {DELAY_FORMS}")
    if day not in WEEKDAYS_BY_NAME:
        raise ValueError(f"column {day_column}: {day!r} is not a day; allowed: {', '.join(WEEKDAYS_BY_NAME)}")
    match = _CLOCK.fullmatch(clock)
    if match is None:
        raise ValueError(f"column {clock_column}: {clock!r} is not a time of day such as 09:00 or 17:30")
    if len(words) > len(expected):
        raise ValueError(f"column {words[3][0]}: nothing is expected after the time of day")
    return Delay(wait, day, time(int(match[1]), int(match[2])))


DelayField = Annotated[
    Delay,
    BeforeValidator(parse_delay),
    PlainSerializer(format_delay),
    WithJsonSchema({"type": "string", "examples": ["3d", "next tuesday 10:00", "3d then next weekday 10:00"]}),
]
