"""Language negotiation and text direction."""

from __future__ import annotations

import re
from collections.abc import Sequence

MAX_HEADER_LENGTH = 500
_WEIGHT = re.compile(r"q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)", re.ASCII)
RIGHT_TO_LEFT = frozenset({"ar", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi"})


def choose_language(candidates: Sequence[str | None], available: Sequence[str]) -> str:
    """Return the first candidate that is available, in the spelling of `available`.

    A candidate falls back to its shorter forms (`fr-CA` to `fr`), then to another region (`fr` to `fr-CA`), before the
    next candidate is tried. Pass contact, survey, company in this order; the default is `available[0]`.

    Args:
        candidates: BCP 47 tags in any case, with dash or underscore; None and invalid tags are skipped.
        available: the languages on offer, at least one.

    Raises:
        ValueError: `available` is empty.
    """
    if not available:
        raise ValueError("at least one language must be available")
    tag_by_form: dict[str, str] = {}
    for tag in available:
        tag_by_form.setdefault(_normalize_tag(tag), tag)
    for tag in available:
        tag_by_form.setdefault(_normalize_tag(tag).partition("-")[0], tag)
    for candidate in candidates:
        form = _normalize_tag(candidate or "")
        while form:
            if form in tag_by_form:
                return tag_by_form[form]
            form = form.rpartition("-")[0]
    return available[0]


def parse_accept_language(header: str) -> list[str]:
    """Return the tags of an `Accept-Language` header (RFC 9110, 12.5.4), preferred first; invalid parts are skipped."""
    weighted_tags: list[tuple[float, str]] = []
    for part in header[:MAX_HEADER_LENGTH].split(","):
        tag, _, weight = part.partition(";")
        match = _WEIGHT.fullmatch(weight.strip())
        if tag.strip() and (match or not weight.strip()):
            weighted_tags.append((float(match[1]) if match else 1.0, tag.strip()))
    return [tag for weight, tag in sorted(weighted_tags, key=lambda pair: -pair[0]) if weight > 0]


def text_direction(language: str) -> str:
    """Return `rtl` for languages written from right to left, else `ltr`: the value of HTML's `dir`."""
    return "rtl" if _normalize_tag(language).partition("-")[0] in RIGHT_TO_LEFT else "ltr"


def _normalize_tag(tag: str) -> str:
    return tag.strip().replace("_", "-").casefold()
