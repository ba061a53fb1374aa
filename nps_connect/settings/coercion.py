"""Prepare raw values for validation: parse lists from the environment, and reject secrets in the file."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, get_origin
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, SecretBytes, SecretStr

from nps_connect.settings.key_paths import KeyPath, item_types, value_types
from nps_connect.settings.origins import ReferencedText

LIST_TYPES = (tuple, list, set, frozenset)


def coerce(value: Any, annotations: Sequence[Any], key_path: KeyPath, on_secret: Callable[[KeyPath], None]) -> Any:  # noqa: ANN401
    """Return the value with texts from the environment parsed into lists and tables where the model expects them.

    Args:
        value: any value of the file or the environment, nested or not.
        annotations: the types that the model allows here.
        key_path: of the value.
        on_secret: called with the key path of each secret that is in the file itself.
    """
    if isinstance(value, ReferencedText):
        parsed = _parse_text(value, annotations)
        return value if parsed is value else coerce(parsed, annotations, key_path, on_secret)
    if isinstance(value, dict):
        return {
            key: coerce(item, _item_types(annotations, key), (*key_path, key), on_secret) for key, item in value.items()
        }
    if isinstance(value, list):
        return [
            coerce(item, _item_types(annotations, index), (*key_path, index), on_secret)
            for index, item in enumerate(value)
        ]
    if _is_secret(annotations) and not (
        isinstance(value, str) and key_path == ("core", "database_url") and _has_no_password(value)
    ):
        on_secret(key_path)
    return value


def _item_types(annotations: Sequence[Any], key: str | int) -> list[Any]:
    return [item_type for annotation in annotations for item_type in item_types(annotation, key)]


def _all_types(annotations: Sequence[Any]) -> list[Any]:
    return [kind for annotation in annotations for kind in value_types(annotation)]


def _is_secret(annotations: Sequence[Any]) -> bool:
    """Return whether a plain value here would be a secret, alone or in place of a list of secrets."""
    for kind in _all_types(annotations):
        if kind in (SecretStr, SecretBytes):
            return True
        if get_origin(kind) in LIST_TYPES and _is_secret(item_types(kind, 0)):
            return True
    return False


def _has_no_password(url: str) -> bool:
    """Return whether a database address contains no password."""
    try:
        parts = urlsplit(url)
        return parts.password is None and "password" not in dict(parse_qsl(parts.query))
    except ValueError:
        return False


def _parse_text(text: ReferencedText, annotations: Sequence[Any]) -> Any:  # noqa: ANN401
    """Parse a text into the expected list or table, from JSON or comma-separated items; else return the text."""
    kinds = _all_types(annotations)
    lists = any((get_origin(kind) or kind) in LIST_TYPES for kind in kinds)
    tables = any(
        (get_origin(kind) or kind) is dict or (isinstance(kind, type) and issubclass(kind, BaseModel)) for kind in kinds
    )
    if not lists and not tables:
        return text
    if text.lstrip().startswith(("[", "{")):
        try:
            return _mark_referenced(json.loads(text), text)
        except (ValueError, RecursionError):
            return text
    if lists:
        return [_mark_referenced(item.strip(), text) for item in text.split(",") if item.strip()]
    return text


def _mark_referenced(value: Any, source: ReferencedText) -> Any:  # noqa: ANN401
    if isinstance(value, str):
        return ReferencedText(value, source.origin, override=source.override, source=source.source)
    if isinstance(value, dict):
        return {key: _mark_referenced(item, source) for key, item in value.items()}
    if isinstance(value, list):
        return [_mark_referenced(item, source) for item in value]
    return value
