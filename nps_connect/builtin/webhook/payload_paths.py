"""The values of an example payload with their paths, and the words in their names. Pure."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MAX_DEPTH = 12
MAX_VALUES = 3000

Steps = tuple[str | int, ...]


@dataclass(frozen=True)
class PathValue:
    """A value of a payload that is no table and no list.

    Attributes:
        steps: keys, and 0 for the first item of a list.
        value: the value.
    """

    steps: Steps
    value: Any

    @property
    def expression(self) -> str:
        """The path as a JMESPath expression."""
        return format_path(self.steps)

    @property
    def name(self) -> str:
        """The last key."""
        return next((step for step in reversed(self.steps) if isinstance(step, str)), "")

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the last key, in lower case: ``deliveredAt`` has delivered and at."""
        return split_words(self.name)

    @property
    def table_words(self) -> frozenset[str]:
        """The words of the key of the table in which the value stands."""
        keys = [step for step in self.steps[:-1] if isinstance(step, str)]
        return frozenset(split_words(keys[-1])) if keys else frozenset()

    @property
    def parent_words(self) -> tuple[str, ...]:
        """The words of the keys above the last one."""
        return tuple(word for step in self.steps[:-1] if isinstance(step, str) for word in split_words(step))


def split_words(text: str) -> tuple[str, ...]:
    """Return the words of a name in camel case or with separators, in lower case and without accents."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return tuple(re.findall(r"[a-z]+|[0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", plain).lower()))


def format_path(steps: Steps) -> str:
    """Return a path as a JMESPath expression."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            name = step if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", step) else json.dumps(step)
            text += f".{name}" if text else name
    return text


def list_values(content: Any) -> list[PathValue]:  # noqa: ANN401  # JSON
    """Return the values of a payload; of each list, those of its first item."""
    values: list[PathValue] = []
    for value in _iter_values(content, ()):
        values.append(value)
        if len(values) >= MAX_VALUES:
            break
    return values


def _iter_values(content: Any, steps: Steps) -> Iterator[PathValue]:  # noqa: ANN401  # JSON
    if len(steps) > MAX_DEPTH:
        return
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _iter_values(value, (*steps, key))
    elif isinstance(content, list):
        if content:
            yield from _iter_values(content[0], (*steps, 0))
    elif content is not None:
        yield PathValue(steps, content)
