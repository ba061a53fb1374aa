"""Places inside a configuration: how they are written for people, and what the model says about them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

KeyPath = tuple[str | int, ...]
"""A place: keys of tables and positions in lists (from 0)."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def format_key_path(at: Iterable[str | int]) -> str:
    """A place as people write it; list positions count from 1: ``routes.2.via`` is in the second ``[[routes]]``."""
    return ".".join(str(part + 1) if isinstance(part, int) else _key(part) for part in at)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that a slip of the pen most likely meant, or none."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    close = get_close_matches(name.casefold(), list(by_folded), n=1)
    return by_folded[close[0]] if close else None


def value_at(tree: object, at: KeyPath) -> object:
    """What stands at a place, or none."""
    for part in at:
        if isinstance(tree, Mapping):
            tree = tree.get(part)
        elif isinstance(tree, list | tuple) and isinstance(part, int) and part < len(tree):
            tree = tree[part]
        else:
            return None
    return tree


def model_keys(model: type[BaseModel]) -> dict[str, Any]:
    """The keys that a table of this model may hold, as the file spells them, with their types."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def value_types(annotation: Any) -> Iterator[Any]:  # noqa: ANN401  # annotations have no common type
    """The types that a value may have: unions and ``Annotated`` opened, containers kept."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from value_types(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for option in get_args(annotation):
            yield from value_types(option)
    else:
        yield annotation


def item_types(annotation: Any, key: str | int) -> list[Any]:  # noqa: ANN401
    """The types that the values under `key` may have, if a value of this type is a list or a table."""
    found = []
    for kind in value_types(annotation):
        origin, arguments = get_origin(kind) or kind, get_args(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found += [model_keys(kind)[key]] if key in model_keys(kind) else []
        elif origin is dict and len(arguments) == 2:
            found.append(arguments[1])
        elif origin in (tuple, list, set, frozenset) and arguments and isinstance(key, int):
            found.append(arguments[0])
    return found


def models_at(model: type[BaseModel], at: KeyPath) -> list[type[BaseModel]]:
    """The models that describe the table at a place; none where the file may hold anything."""
    annotations: list[Any] = [model]
    for part in at:
        annotations = [found for annotation in annotations for found in item_types(annotation, part)]
    every = [kind for annotation in annotations for kind in value_types(annotation)]
    return [kind for kind in every if isinstance(kind, type) and issubclass(kind, BaseModel)]
