"""Validate one table of the configuration with its model, and describe every mistake for the operator."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from nps_connect.errors import ConfigError, ConfigErrors
from nps_connect.settings.branding import COLOUR_PATTERN
from nps_connect.settings.coercion import coerce
from nps_connect.settings.expectations import ACTION_PATTERN
from nps_connect.settings.key_paths import (
    KeyPath,
    UnknownName,
    format_key_path,
    model_keys,
    models_at,
    nearest,
    value_at,
)
from nps_connect.settings.model import EVENT_KIND_PATTERN, LANGUAGE_PATTERN, LISTEN_PATTERN, NAME_PATTERN
from nps_connect.settings.origins import Origins

ModelType = TypeVar("ModelType", bound=BaseModel)

PATTERN_DESCRIPTIONS = {
    NAME_PATTERN: "lower case letters, digits and dashes, a letter first, 40 characters at most",
    EVENT_KIND_PATTERN: "a noun and a verb, such as deal.won",
    LANGUAGE_PATTERN: "a language tag such as fr or pt-BR",
    COLOUR_PATTERN: "a colour such as #174ea6",
    ACTION_PATTERN: "an action and its connection, such as open_ticket via helpdesk",
    LISTEN_PATTERN: "host:port, such as 127.0.0.1:8040",
}
UNKNOWN_KEY = "is not a known key"
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
    model: type[ModelType],
    table: Mapping[str, Any],
    origins: Origins,
    *,
    key_path: KeyPath = (),
    reported: Sequence[KeyPath] = (),
) -> ModelType:
    """Validate a table with its model.

    Args:
        model: of the table.
        table: raw values with references resolved.
        origins: where the values come from, for errors.
        key_path: of the table in the file.
        reported: key paths whose mistake is reported already.

    Raises:
        ConfigErrors: all mistakes that are not reported yet; the texts never quote a value.
    """
    secret_paths: list[KeyPath] = []
    coerced = coerce(dict(table), [model], key_path, secret_paths.append)
    mistakes = []
    for secret_path in secret_paths:
        where, line = origins.place(secret_path)
        problem, fix = "is a secret and must not be in the file", 'write { env = "NAME" } or { file = "path" } instead'
        mistakes.append(ConfigError(problem, where=where, line=line, key=format_key_path(secret_path), fix=fix))
    try:
        parsed = model.model_validate(coerced)
    except ValidationError as error:
        known_paths = [*reported, *secret_paths]
        for detail in error.errors(include_url=False):
            inner_path = _locate(detail, coerced)
            if not _is_implied((*key_path, *inner_path), detail["type"], known_paths):
                mistakes.append(_build_error(detail, model, origins, inner_path, key_path=key_path))
                known_paths.append((*key_path, *inner_path))
        raise ConfigErrors(_without_consequences(mistakes)) from None
    if mistakes:
        raise ConfigErrors(mistakes)
    return parsed


def _is_implied(key_path: KeyPath, kind: str, known_paths: Sequence[KeyPath]) -> bool:
    """Return whether a mistake follows from a known one: of the same place, or a list that lost its invalid items."""
    if kind == "too_short" and any(known_path[: len(key_path)] == key_path for known_path in known_paths):
        return True
    return any(key_path[: len(known_path)] == known_path for known_path in known_paths)


def _without_consequences(mistakes: Sequence[ConfigError]) -> list[ConfigError]:
    """Return the mistakes without the missing keys that stand in the file under a misspelt name."""
    misspelt = {
        ".".join([*(mistake.key or "").split(".")[:-1], mistake.nearest])
        for mistake in mistakes
        if mistake.problem == UNKNOWN_KEY and mistake.nearest is not None
    }
    return [mistake for mistake in mistakes if mistake.problem != ERROR_TEXTS["missing"] or mistake.key not in misspelt]


def _locate(detail: ErrorDetails, table: object) -> KeyPath:
    """Return the key path of a mistake: pydantic's location without its own steps (union members, ``[key]``)."""
    key_path: KeyPath = ()
    for number, part in enumerate(detail["loc"], start=1):
        is_missing_key = number == len(detail["loc"]) and detail["type"] == "missing"
        container = value_at(table, key_path)
        is_in_table = isinstance(container, Mapping) and (part in container or is_missing_key)
        is_in_list = isinstance(container, list) and isinstance(part, int) and part < len(container)
        if is_in_table or is_in_list:
            key_path = (*key_path, part)
    return key_path


def _build_error(
    detail: ErrorDetails, model: type[BaseModel], origins: Origins, inner_path: KeyPath, *, key_path: KeyPath
) -> ConfigError:
    full_path = (*key_path, *inner_path)
    is_unknown_key = detail["type"] == "extra_forbidden"
    where, line = origins.place(full_path) if is_unknown_key else origins.value_place(full_path)
    problem, allowed, similar = _describe(detail, model, inner_path)
    key = format_key_path(full_path) or None
    return ConfigError(problem, where=where, line=line, key=key, allowed=allowed, nearest=similar)


def _describe(detail: ErrorDetails, model: type[BaseModel], key_path: KeyPath) -> tuple[str, str | None, str | None]:
    """Return the problem, the allowed values and the most similar name."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        known_keys = [key for table in models_at(model, key_path[:-1]) for key in model_keys(table)]
        similar = nearest(str(key_path[-1]), known_keys) if key_path else None
        return UNKNOWN_KEY, ", ".join(sorted(known_keys)), similar
    if kind in ("literal_error", "enum"):
        values = re.findall(r"'([^']*)'|(\d+)", str(context.get("expected", "")))
        names = [text or number for text, number in values]
        similar = nearest(detail["input"], names) if type(detail["input"]) is str else None
        return "is not one of the allowed values", ", ".join(names), similar
    if kind == "string_pattern_mismatch":
        pattern = str(context.get("pattern"))
        problem = "is not a usable name" if pattern == NAME_PATTERN else "does not have the right form"
        return problem, PATTERN_DESCRIPTIONS.get(pattern, f"text like {pattern}"), None
    if kind in ("url_parsing", "url_type", "url_syntax_violation", "url_scheme"):
        return "is not a web address", "an address such as https://nps.example.com", None
    if kind == "value_error":
        error = context.get("error", detail["msg"])
        return str(error), None, error.nearest if isinstance(error, UnknownName) else None
    return ERROR_TEXTS.get(kind) or _lower_first(detail["msg"].replace("Input should", "should")), None, None


def _lower_first(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
