"""Makes raw values fit the model before it validates them: lists from the environment, and no secret in the file."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, get_origin
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, SecretBytes, SecretStr

from nps_connect.settings.key_paths import KeyPath, item_types, value_types
from nps_connect.settings.references import ReferencedText

LIST_TYPES = (tuple, list, set, frozenset)


def coerce(value: Any, annotations: Sequence[Any], at: KeyPath, refuse: Callable[[KeyPath], None]) -> Any:  # noqa: ANN401
    """The value with texts from the environment opened into lists and tables where the model wants them.

    Args:
        value: a tree of anything that the file or the environment can hold.
        annotations: the types that the model allows here.
        at: the value's place.
        refuse: told each place where a secret stands in the file itself.
    """
    if isinstance(value, ReferencedText):
        opened = _parse_text(value, annotations)
        return value if opened is value else coerce(opened, annotations, at, refuse)
    if isinstance(value, dict):
        return {key: coerce(item, _item_types(annotations, key), (*at, key), refuse) for key, item in value.items()}
    if isinstance(value, list):
        return [coerce(item, _item_types(annotations, index), (*at, index), refuse) for index, item in enumerate(value)]
    if _is_secret(annotations) and not (
        isinstance(value, str) and at == ("core", "database_url") and _has_no_password(value)
    ):
        refuse(at)
    return value


def _item_types(annotations: Sequence[Any], key: str | int) -> list[Any]:
    return [found for annotation in annotations for found in item_types(annotation, key)]


def _all_types(annotations: Sequence[Any]) -> list[Any]:
    return [kind for annotation in annotations for kind in value_types(annotation)]


def _is_secret(annotations: Sequence[Any]) -> bool:
    """Whether a plain value here would be a secret; a list of secrets may be written as one value by slip."""
    for kind in _all_types(annotations):
        if kind in (SecretStr, SecretBytes):
            return True
        if get_origin(kind) in LIST_TYPES and _is_secret(item_types(kind, 0)):
            return True
    return False


def _has_no_password(url: str) -> bool:
    """Whether a database address holds no password."""
    try:
        parts = urlsplit(url)
        return parts.password is None and "password" not in dict(parse_qsl(parts.query))
    except ValueError:
        return False


def _parse_text(text: ReferencedText, annotations: Sequence[Any]) -> Any:  # noqa: ANN401
    """A text as the list or table that the model wants: JSON, or a list with commas; else the text itself."""
    every = _all_types(annotations)
    lists = any((get_origin(kind) or kind) in LIST_TYPES for kind in every)
    tables = any(
        (get_origin(kind) or kind) is dict or (isinstance(kind, type) and issubclass(kind, BaseModel)) for kind in every
    )
    if not lists and not tables:
        return text
    if text.lstrip().startswith(("[", "{")):
        try:
            return _mark_referenced(json.loads(text), text)
        except (ValueError, RecursionError):
            return text
    if lists:
        return [_copy_origin(text, item.strip()) for item in text.split(",") if item.strip()]
    return text


def _copy_origin(whole: ReferencedText, part: str) -> ReferencedText:
    return ReferencedText(part, whole.origin, override=whole.override)


def _mark_referenced(value: Any, whole: ReferencedText) -> Any:  # noqa: ANN401
    if isinstance(value, str):
        return _copy_origin(whole, value)
    if isinstance(value, dict):
        return {key: _mark_referenced(item, whole) for key, item in value.items()}
    if isinstance(value, list):
        return [_mark_referenced(item, whole) for item in value]
    return value
