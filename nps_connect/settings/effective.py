"""The effective values of a configuration, without the content of secrets: what `config show` and comparisons read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import BaseModel, SecretBytes, SecretStr

from nps_connect.redaction import HIDDEN
from nps_connect.settings.key_paths import KeyPath, format_key_path
from nps_connect.settings.model import Settings
from nps_connect.settings.origins import Origins, ReferencedText

HOST_KEYS = ("database_url", "state_dir", "logo", "listen", "workers")
"""Keys of ``[core]`` that may differ between the hosts of one installation."""

FINGERPRINT_LENGTH = 12

SQLITE_SCHEME = "sqlite:///"
"""Begins the only secret setting that is shown when it has this form: a file name holds no password."""


class EffectiveValue(NamedTuple):
    """One value that is in force.

    Attributes:
        key_path: of a value that is neither a table nor a list of tables.
        value: as in JSON; durations as in the file, secrets as `HIDDEN`.
        source: ``line 12``, ``environment variable NAME``, ``file PATH`` or ``default``; the target of a reference is
            followed by the line of the reference.
    """

    key_path: KeyPath
    value: Any
    source: str

    @property
    def key(self) -> str:
        """The key path as errors name it: list positions count from 1."""
        return format_key_path(self.key_path)


@dataclass(frozen=True)
class ConcealedSecret:
    """Stands for a secret in comparisons: equal to equal ones, and shown as `HIDDEN`."""

    content: object = field(repr=False)

    def __str__(self) -> str:
        """Return that the secret is hidden."""
        return HIDDEN


def effective_tree(
    settings: Settings,
    connections: Mapping[str, BaseModel],
    conceal: Callable[[object], object] = lambda _content: HIDDEN,
) -> dict[str, Any]:
    """Return all values with their defaults as JSON data, without the content of secrets.

    Args:
        settings: the configuration.
        connections: the settings of its connections, by name.
        conceal: returns what stands for the content of a secret.
    """
    tree: dict[str, Any] = _to_json(settings.model_dump(by_alias=True), conceal)
    tree["connections"] = {
        name: _to_json(table.model_dump(by_alias=True), conceal) for name, table in connections.items()
    }
    return tree


def list_effective_values(settings: Settings, connections: Mapping[str, BaseModel]) -> list[EffectiveValue]:
    """Return every value with its source; the values of a table precede the tables inside it."""
    tree = effective_tree(settings, connections)
    return [
        EffectiveValue(key_path, value, _source(settings.origins, key_path, value))
        for key_path, value in iter_values(tree)
    ]


def iter_values(tree: Mapping[str, Any], key_path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Yield key path and value of everything that is neither a table nor a list of tables, inner tables last."""
    inner: list[tuple[KeyPath, Mapping[str, Any]]] = []
    for key, value in tree.items():
        if isinstance(value, dict):
            inner.append(((*key_path, key), value))
        elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            inner += [((*key_path, key, index), item) for index, item in enumerate(value)]
        else:
            yield (*key_path, key), value
    for inner_path, table in inner:
        yield from iter_values(table, inner_path)


def fingerprint(settings: Settings) -> str:
    """Return a hash of the effective values, to tell whether two processes run the same configuration.

    A secret counts by its place, not by its content, and so does what a table of a connection refers to, because only
    the plugin knows which of its values are secret. `HOST_KEYS` do not count.
    """
    tree = _to_json(settings.model_dump(by_alias=True), lambda _content: HIDDEN)
    for key in HOST_KEYS:
        tree["core"].pop(key)
    text = json.dumps(tree, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:FINGERPRINT_LENGTH]


def _to_json(value: Any, conceal: Callable[[object], object]) -> Any:  # noqa: ANN401  # any setting
    if isinstance(value, dict):
        return {str(key): _to_json(item, conceal) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_to_json(item, conceal) for item in value]
    if isinstance(value, SecretStr | SecretBytes):
        text = value.get_secret_value()
        return text if isinstance(text, str) and text.startswith(SQLITE_SCHEME) else conceal(text)
    if isinstance(value, ReferencedText):
        return f"[{value.source}]"
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _source(origins: Origins, key_path: KeyPath, value: object) -> str:
    """Return where a value comes from; a list names the targets of the references in it."""
    if not origins.is_given(key_path):
        return "default"
    where, line = origins.place(key_path)
    paths = [key_path, *((*key_path, index) for index in range(len(value)))] if isinstance(value, list) else [key_path]
    targets = dict.fromkeys(target for path in paths if (target := origins.reference(path)))
    place = f"line {line}" if line else str(where)
    return f"{', '.join(targets)}, {place}" if targets else place
