"""One table of the configuration, parsed with its model; every mistake told in the operator's words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from nps_connect.errors import ConfigError, ConfigErrors
from nps_connect.settings.branding import COLOUR_PATTERN
from nps_connect.settings.coercion import coerce
from nps_connect.settings.key_paths import KeyPath, format_key_path, model_keys, models_at, nearest, value_at
from nps_connect.settings.model import EVENT_KIND_PATTERN, LANGUAGE_PATTERN, LISTEN_PATTERN, NAME_PATTERN
from nps_connect.settings.references import ReferencedText

M = TypeVar("M", bound=BaseModel)

PATTERN_DESCRIPTIONS = {
    NAME_PATTERN: "lower case letters, digits and dashes, a letter first, 40 characters at most",
    EVENT_KIND_PATTERN: "a noun and a verb, such as deal.won",
    LANGUAGE_PATTERN: "a language tag such as fr or pt-BR",
    COLOUR_PATTERN: "a colour such as #174ea6",
    LISTEN_PATTERN: "host:port, such as 127.0.0.1:8040",
}
ERROR_TEXTS = {
    "missing": "is missing",
    "too_short": "is empty",
    "string_too_short": "is too short",
    "string_type": "is not a text",
    "tuple_type": "is not a list",
    "list_type": "is not a list",
    "set_type": "is not a list",
    "frozen_set_type": "is not a list",
    "dict_type": "is not a table",
    "model_type": "is not a table",
    "model_attributes_type": "is not a table",
    "int_type": "is not a whole number",
    "int_parsing": "is not a whole number",
    "int_from_float": "is not a whole number",
    "float_type": "is not a number",
    "float_parsing": "is not a number",
    "bool_type": "is neither true nor false",
    "bool_parsing": "is neither true nor false",
    "string_unicode": "is not UTF-8 text",
}


def parse_table(
    model: type[M], table: Mapping[str, Any], *, where: str, at: KeyPath = (), told: Sequence[KeyPath] = ()
) -> M:
    """The table as an instance of its model.

    Args:
        model: what the table may hold.
        table: raw values, references already followed.
        where: the file, for errors.
        at: the table's own place in the file.
        told: places whose mistake is known already, so that it is not told twice.

    Raises:
        ConfigErrors: every mistake that is not told yet, at once; no value is ever quoted.
    """
    mistakes: list[ConfigError] = []
    refused: list[KeyPath] = []
    fitted = coerce(dict(table), [model], at, refused.append)
    mistakes += [
        ConfigError(
            "is a secret and must not stand in the file",
            where=where,
            key=format_key_path(place),
            fix='write { env = "NAME" } or { file = "path" } in its place',
        )
        for place in refused
    ]
    try:
        parsed = model.model_validate(fitted)
    except ValidationError as error:
        known = [*told, *refused]
        for detail in error.errors(include_url=False):
            place = _locate(detail, fitted)
            if not _is_implied((*at, *place), detail["type"], known):
                mistakes.append(_build_error(detail, model, fitted, place, where=where, at=at))
                known.append((*at, *place))
        raise ConfigErrors(mistakes) from None
    if mistakes:
        raise ConfigErrors(mistakes)
    return parsed


def _is_implied(place: KeyPath, kind: str, known: Sequence[KeyPath]) -> bool:
    """Whether a mistake only follows from one that is known: the same place, or a list that lost its wrong items."""
    if kind == "too_short" and any(other[: len(place)] == place for other in known):
        return True
    return any(place[: len(other)] == other for other in known)


def _locate(detail: ErrorDetails, table: object) -> KeyPath:
    """Where the mistake is in the file: pydantic's own steps (union members, ``[key]``) left out."""
    place: KeyPath = ()
    for number, part in enumerate(detail["loc"], start=1):
        last_and_absent = number == len(detail["loc"]) and detail["type"] == "missing"
        holder = value_at(table, place)
        in_table = isinstance(holder, Mapping) and (part in holder or last_and_absent)
        in_list = isinstance(holder, list) and isinstance(part, int) and part < len(holder)
        if in_table or in_list:
            place = (*place, part)
    return place


def _build_error(
    detail: ErrorDetails, model: type[BaseModel], table: object, place: KeyPath, *, where: str, at: KeyPath
) -> ConfigError:
    value = value_at(table, place)
    if isinstance(value, ReferencedText) and (value.override or detail["type"] != "extra_forbidden"):
        where = value.origin
    problem, allowed, near = _describe(detail, model, place)
    return ConfigError(problem, where=where, key=format_key_path((*at, *place)) or None, allowed=allowed, nearest=near)


def _describe(detail: ErrorDetails, model: type[BaseModel], place: KeyPath) -> tuple[str, str | None, str | None]:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        known = [key for table in models_at(model, place[:-1]) for key in model_keys(table)]
        return "is not a known key", ", ".join(sorted(known)), nearest(str(place[-1]), known) if place else None
    if kind in ("literal_error", "enum"):
        words = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        value = detail["input"]
        return (
            "is not one of the allowed words",
            ", ".join(words),
            nearest(value, words) if type(value) is str else None,
        )
    if kind == "string_pattern_mismatch":
        pattern = str(context.get("pattern"))
        problem = "is not a usable name" if pattern == NAME_PATTERN else "does not have the right form"
        return problem, PATTERN_DESCRIPTIONS.get(pattern, f"text like {pattern}"), None
    if kind in ("url_parsing", "url_type", "url_syntax_violation", "url_scheme"):
        return "is not a web address", "an address such as https://nps.example.com", None
    if kind == "value_error":
        return str(context.get("error", detail["msg"])), None, None
    return ERROR_TEXTS.get(kind) or _lower_first(detail["msg"].replace("Input should", "should")), None, None


def _lower_first(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
