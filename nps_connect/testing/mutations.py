"""Changes to JSON, as vendors make them over the years. Pure."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

ODD: tuple[Any, ...] = (
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
"""What may stand where something else was expected."""

NOT_WEBHOOKS = (
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
"""Bodies that are no webhook of anybody."""


def places(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401  # JSON
    """Every place inside JSON content, as a path of keys and indexes."""
    if path:
        yield path
    if isinstance(content, dict):
        for key, inner in content.items():
            yield from places(inner, (*path, key))
    elif isinstance(content, list):
        for index, inner in enumerate(content):
            yield from places(inner, (*path, index))


def replaced(content: Any, path: tuple[Any, ...], value: object) -> bytes:  # noqa: ANN401
    """The content with another value at one place."""
    changed = copy.deepcopy(content)
    holder = changed
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    return json.dumps(changed).encode()


def without(content: Any, path: tuple[Any, ...]) -> bytes:  # noqa: ANN401
    """The content without one key or element."""
    changed = copy.deepcopy(content)
    holder = changed
    for step in path[:-1]:
        holder = holder[step]
    del holder[path[-1]]
    return json.dumps(changed).encode()


def with_news(content: Any) -> bytes:  # noqa: ANN401
    """The content with an unknown key in every object, as if the vendor had added one."""
    return json.dumps(_newer(content)).encode()


def renamed(content: Any) -> Iterator[bytes]:  # noqa: ANN401
    """The content with one text replaced at a time by a name that nobody knows: among them the kind of event."""
    for path in places(content):
        value = content
        for step in path:
            value = value[step]
        if isinstance(value, str):
            yield replaced(content, path, "something.unheard_of")


def _newer(content: Any) -> Any:  # noqa: ANN401
    if isinstance(content, dict):
        return {**{key: _newer(value) for key, value in content.items()}, "addedLater": {"by": ["the vendor"]}}
    if isinstance(content, list):
        return [_newer(value) for value in content]
    return content
