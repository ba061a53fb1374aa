"""The company's colour, made readable: text on it, links in it, by daylight and in the dark (WCAG 2.2, 1.4.3). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

PAPER, DARK_PAPER = "#ffffff", "#1d242d"
BACK, DARK_BACK = "#eef1f5", "#12161c"
MIN_CONTRAST = 4.6
"""A little above the 4.5 that the guidelines ask of text."""

_STEPS = 40


@dataclass(frozen=True)
class Palette:
    """Colours that are readable on paper of both schemes, and what is readable on them.

    Attributes:
        main, on_main: by daylight.
        dark_main, on_dark_main: in the dark.
    """

    main: str
    on_main: str
    dark_main: str
    on_dark_main: str


@lru_cache(maxsize=16)
def build_palette(colour: str) -> Palette:
    """The colours of a page or mail, from the company's colour such as ``#174ea6``.

    It is darkened until it can be read on white, and lightened until it can be read on a dark ground.
    """
    main = _adjust_until_readable(colour, "#000000", (PAPER, BACK))
    dark = _adjust_until_readable(colour, "#ffffff", (DARK_PAPER, DARK_BACK))
    return Palette(main, "#ffffff", dark, _adjust_until_readable("#10243f", "#000000", (dark,)))


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _adjust_until_readable(colour: str, end: str, grounds: tuple[str, ...]) -> str:
    for step in range(_STEPS + 1):
        mixed = _mix(colour, end, step / _STEPS)
        if all(contrast(mixed, ground) >= MIN_CONTRAST for ground in grounds):
            return mixed
    return end


def _mix(colour: str, end: str, share: float) -> str:
    pairs = zip(_channels(colour), _channels(end), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
