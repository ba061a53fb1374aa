"""Which language a person gets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

MAX_HEADER_LENGTH = 500
_WEIGHT = re.compile(r"q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)", re.ASCII)
RIGHT_TO_LEFT = frozenset({"ar", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi"})


def choose_language(candidates: Sequence[str | None], available: Sequence[str]) -> str:
    """The first candidate that is available, as `available` spells it.

    A candidate falls back to its shorter forms (`fr-CA` to `fr`), then to a relative (`fr` to `fr-CA`), before the next
    candidate is looked at. Pass them in the order contact, survey, company; the last resort is `available[0]`.

    Args:
        candidates: BCP 47 tags, in any case and with dash or underscore; none and nonsense are passed over.
        available: the languages on offer, at least one.

    Raises:
        ValueError: nothing is available.
    """
    if not available:
        raise ValueError("at least one language must be available")
    known: dict[str, str] = {}
    for tag in available:
        known.setdefault(_normalize_tag(tag), tag)
    for tag in available:
        known.setdefault(_normalize_tag(tag).partition("-")[0], tag)
    for candidate in candidates:
        for form in _shorter_forms(candidate or ""):
            if form in known:
                return known[form]
    return available[0]


def parse_accept_language(header: str) -> list[str]:
    """The tags of an `Accept-Language` header (RFC 9110, 12.5.4), dearest first; nonsense is passed over."""
    weighed: list[tuple[float, str]] = []
    for part in header[:MAX_HEADER_LENGTH].split(","):
        tag, _, weight = part.partition(";")
        known = _WEIGHT.fullmatch(weight.strip())
        if tag.strip() and (known or not weight.strip()):
            weighed.append((float(known[1]) if known else 1.0, tag.strip()))
    return [tag for weight, tag in sorted(weighed, key=lambda pair: -pair[0]) if weight > 0]


def text_direction(language: str) -> str:
    """`rtl` for languages that are written from right to left, else `ltr`: the value of HTML's `dir`."""
    return "rtl" if _normalize_tag(language).partition("-")[0] in RIGHT_TO_LEFT else "ltr"


def _normalize_tag(tag: str) -> str:
    return tag.strip().replace("_", "-").casefold()


def _shorter_forms(tag: str) -> Iterator[str]:
    form = _normalize_tag(tag)
    while form:
        yield form
        form = form.rpartition("-")[0]
