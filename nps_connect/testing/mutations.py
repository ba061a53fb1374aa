"""Mutated JSON documents for the contract tests: a plugin must survive changes of its vendor's webhooks. Pure."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

UNEXPECTED_VALUES: tuple[Any, ...] = (
    None,
    0,
    -1,
    "",
    "text",
    True,
    [],
    {},
    [None],
    {"a": []},
    1.5,
    "2026-13-45T99:00:00Z",
    "not-a-number",
)
"""Values of unexpected types and shapes."""

INVALID_BODIES = (
    b"",
    b"null",
    b"0",
    b'"text"',
    b"[]",
    b"{}",
    b"[null]",
    b"[[]]",
    b'{"a": []}',
    b"\xff",
    b"{",
    b"[" * 5000,
)
"""Bodies that are not a valid webhook of any vendor."""


def json_paths(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401  # JSON
    """Yield every place inside JSON content, as a path of keys and indexes."""
    if path:
        yield path
    if isinstance(content, dict):
        for key, inner in content.items():
            yield from json_paths(inner, (*path, key))
    elif isinstance(content, list):
        for index, inner in enumerate(content):
            yield from json_paths(inner, (*path, index))


def with_value(content: Any, path: tuple[Any, ...], value: object) -> bytes:  # noqa: ANN401
    """Return the content with another value at one place, as JSON."""
    changed = copy.deepcopy(content)
    holder = changed
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    return json.dumps(changed).encode()


def without_path(content: Any, path: tuple[Any, ...]) -> bytes:  # noqa: ANN401
    """Return the content without one key or element, as JSON."""
    changed = copy.deepcopy(content)
    holder = changed
    for step in path[:-1]:
        holder = holder[step]
    del holder[path[-1]]
    return json.dumps(changed).encode()


def with_unknown_fields(content: Any) -> bytes:  # noqa: ANN401
    """Return the content with an unknown key in every object, as if the vendor had added one."""
    return json.dumps(_add_unknown_fields(content)).encode()


def with_unknown_names(content: Any) -> Iterator[bytes]:  # noqa: ANN401
    """Yield the content with one string value at a time replaced by an unknown word, such as an unknown event kind."""
    for path in json_paths(content):
        value = content
        for step in path:
            value = value[step]
        if isinstance(value, str):
            yield with_value(content, path, "something.unheard_of")


def _add_unknown_fields(content: Any) -> Any:  # noqa: ANN401
    if isinstance(content, dict):
        return {
            **{key: _add_unknown_fields(value) for key, value in content.items()},
            "addedLater": {"by": ["the vendor"]},
        }
    if isinstance(content, list):
        return [_add_unknown_fields(value) for value in content]
    return content
