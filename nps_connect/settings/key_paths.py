"""Key paths of a configuration: their text form, and the types that the model allows at them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

KeyPath = tuple[str | int, ...]
"""Keys of tables and positions in lists (from 0)."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def format_key_path(key_path: Iterable[str | int]) -> str:
    """Format a key path; list positions count from 1: ``routes.2.via`` is in the second ``[[routes]]``."""
    return ".".join(str(part + 1) if isinstance(part, int) else format_key(part) for part in key_path)


def format_key(name: str) -> str:
    """Return a key as the file spells it, in quotes where needed."""
    return name if _BARE.fullmatch(name) else json.dumps(name)


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that a misspelt name most likely means; None if none is similar."""
    by_folded = {candidate.casefold(): candidate for candidate in candidates}
    matches = get_close_matches(name.casefold(), list(by_folded), n=1)
    return by_folded[matches[0]] if matches else None


class UnknownName(ValueError):
    """A value that is no name of anything.

    Attributes:
        nearest: the name that it most likely means; None if none is similar.
    """

    def __init__(self, problem: str, nearest: str | None) -> None:
        super().__init__(problem)
        self.nearest = nearest


def value_at(value: object, key_path: KeyPath) -> object:
    """Return the value at a key path inside a value; None if there is none."""
    for part in key_path:
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list | tuple) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return None
    return value


def model_keys(model: type[BaseModel]) -> dict[str, Any]:
    """Return the keys of a table of this model, as spelt in the file, with their types."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def value_types(annotation: Any) -> Iterator[Any]:  # noqa: ANN401  # annotations have no common type
    """Yield the types that a value may have: members of unions, without ``Annotated``; containers stay whole."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from value_types(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for option in get_args(annotation):
            yield from value_types(option)
    else:
        yield annotation


def item_types(annotation: Any, key: str | int) -> list[Any]:  # noqa: ANN401
    """Return the types of the value under `key`, if a value of this type is a list or a table."""
    types: list[Any] = []
    for kind in value_types(annotation):
        origin, arguments = get_origin(kind) or kind, get_args(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            types += [model_keys(kind)[key]] if key in model_keys(kind) else []
        elif origin is dict and len(arguments) == 2:
            types.append(arguments[1])
        elif origin in (tuple, list, set, frozenset) and arguments and isinstance(key, int):
            types.append(arguments[0])
    return types


def models_at(model: type[BaseModel], key_path: KeyPath) -> list[type[BaseModel]]:
    """Return the models of the table at a key path; empty where any keys are allowed."""
    annotations: list[Any] = [model]
    for part in key_path:
        annotations = [item_type for annotation in annotations for item_type in item_types(annotation, part)]
    kinds = [kind for annotation in annotations for kind in value_types(annotation)]
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
