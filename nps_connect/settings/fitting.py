"""Makes raw values fit the model before it validates them: lists from the environment, and no secret in the file."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, get_origin
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, SecretBytes, SecretStr

from nps_connect.settings.places import At, inner, kinds
from nps_connect.settings.references import Referenced

LISTS = (tuple, list, set, frozenset)


def fit(value: Any, annotations: Sequence[Any], at: At, refuse: Callable[[At], None]) -> Any:  # noqa: ANN401
    """The value with texts from the environment opened into lists and tables where the model wants them.

    Args:
        value: a tree of anything that the file or the environment can hold.
        annotations: the types that the model allows here.
        at: the value's place.
        refuse: told each place where a secret stands in the file itself.
    """
    if isinstance(value, Referenced):
        opened = _opened(value, annotations)
        return value if opened is value else fit(opened, annotations, at, refuse)
    if isinstance(value, dict):
        return {key: fit(item, _inner(annotations, key), (*at, key), refuse) for key, item in value.items()}
    if isinstance(value, list):
        return [fit(item, _inner(annotations, index), (*at, index), refuse) for index, item in enumerate(value)]
    if _is_secret(annotations) and not (isinstance(value, str) and at == ("core", "database_url") and _open(value)):
        refuse(at)
    return value


def _inner(annotations: Sequence[Any], key: str | int) -> list[Any]:
    return [found for annotation in annotations for found in inner(annotation, key)]


def _all_kinds(annotations: Sequence[Any]) -> list[Any]:
    return [kind for annotation in annotations for kind in kinds(annotation)]


def _is_secret(annotations: Sequence[Any]) -> bool:
    """Whether a plain value here would be a secret; a list of secrets may be written as one value by slip."""
    for kind in _all_kinds(annotations):
        if kind in (SecretStr, SecretBytes):
            return True
        if get_origin(kind) in LISTS and _is_secret(inner(kind, 0)):
            return True
    return False


def _open(url: str) -> bool:
    """Whether a database address holds no password."""
    try:
        parts = urlsplit(url)
        return parts.password is None and "password" not in dict(parse_qsl(parts.query))
    except ValueError:
        return False


def _opened(text: Referenced, annotations: Sequence[Any]) -> Any:  # noqa: ANN401
    """A text as the list or table that the model wants: JSON, or a list with commas; else the text itself."""
    every = _all_kinds(annotations)
    lists = any((get_origin(kind) or kind) in LISTS for kind in every)
    tables = any(
        (get_origin(kind) or kind) is dict or (isinstance(kind, type) and issubclass(kind, BaseModel)) for kind in every
    )
    if not lists and not tables:
        return text
    if text.lstrip().startswith(("[", "{")):
        try:
            return _marked(json.loads(text), text)
        except (ValueError, RecursionError):
            return text
    if lists:
        return [_like(text, item.strip()) for item in text.split(",") if item.strip()]
    return text


def _like(whole: Referenced, part: str) -> Referenced:
    return Referenced(part, whole.origin, override=whole.override)


def _marked(value: Any, whole: Referenced) -> Any:  # noqa: ANN401
    if isinstance(value, str):
        return _like(whole, value)
    if isinstance(value, dict):
        return {key: _marked(item, whole) for key, item in value.items()}
    if isinstance(value, list):
        return [_marked(item, whole) for item in value]
    return value
