"""Adjusts the company's colour until text is readable in both colour schemes (WCAG 2.2, 1.4.3). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

PAPER, DARK_PAPER = "#ffffff", "#1d242d"
BACK, DARK_BACK = "#eef1f5", "#12161c"
MIN_CONTRAST = 4.6
"""Slightly above the 4.5 that WCAG requires for text."""

MIN_LINE_CONTRAST = 3.0
"""What WCAG requires for graphics."""

NEUTRAL_LINE = "#7a8794"
_STEPS = 40


@dataclass(frozen=True)
class Palette:
    """Readable colours of both colour schemes.

    Attributes:
        main, on_main: the company's colour and the text on it, light scheme.
        dark_main, on_dark_main: the same, dark scheme.
    """

    main: str
    on_main: str
    dark_main: str
    on_dark_main: str


@lru_cache(maxsize=16)
def build_palette(colour: str) -> Palette:
    """Return the palette for the company's colour, such as ``#174ea6``.

    The colour is darkened until it is readable on white, and lightened until it is readable on the dark backgrounds.
    """
    main = _adjust_until_readable(colour, "#000000", (PAPER, BACK))
    dark = _adjust_until_readable(colour, "#ffffff", (DARK_PAPER, DARK_BACK))
    return Palette(main, "#ffffff", dark, _adjust_until_readable("#10243f", "#000000", (dark,)))


@lru_cache(maxsize=16)
def visible_on_both(colour: str) -> str:
    """Return the colour, changed until a line in it is visible on the light and the dark paper (WCAG 2.2, 1.4.11)."""
    steps = [step / _STEPS for step in range(_STEPS + 1)]
    mixed = [_mix(colour, target, share) for share in steps for target in ("#000000", "#ffffff")]
    return next(line for line in [*mixed, NEUTRAL_LINE] if _is_visible(line))


def _is_visible(colour: str) -> bool:
    return min(contrast(colour, PAPER), contrast(colour, DARK_PAPER)) >= MIN_LINE_CONTRAST


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21."""
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _adjust_until_readable(colour: str, target: str, backgrounds: tuple[str, ...]) -> str:
    for step in range(_STEPS + 1):
        mixed = _mix(colour, target, step / _STEPS)
        if all(contrast(mixed, background) >= MIN_CONTRAST for background in backgrounds):
            return mixed
    return target


def _mix(colour: str, target: str, share: float) -> str:
    pairs = zip(_channels(colour), _channels(target), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
