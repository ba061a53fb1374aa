"""Where each value of a configuration comes from: a line of the file, a variable, a secret file, or nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self

from nps_connect.errors import ConfigError
from nps_connect.settings.config_files import describe_variable
from nps_connect.settings.key_paths import KeyPath

REFERENCE_KINDS = frozenset({"env", "file"})


class ReferencedText(str):
    """A text from the environment or a secret file; its representation hides it because it may be secret.

    Attributes:
        origin: the variable or file, for errors.
        source: the same without the place of the variable, which may differ between two processes.
        override: an environment variable set the key itself, not only the value.
    """

    __slots__ = ("origin", "override", "source")
    origin: str
    source: str
    override: bool

    def __new__(cls, text: str, origin: str, *, override: bool = False, source: str | None = None) -> Self:
        """Create the text with its origin."""
        referenced = super().__new__(cls, text)
        referenced.origin = origin
        referenced.source = source or origin
        referenced.override = override
        return referenced

    def __repr__(self) -> str:
        return "'[hidden]'"


def is_reference(value: object) -> bool:
    """Return whether a value of the file is a reference: a table with no other keys than `REFERENCE_KINDS`."""
    return isinstance(value, Mapping) and bool(value) and REFERENCE_KINDS.issuperset(value)


class Place(NamedTuple):
    """A place that an operator can edit.

    Attributes:
        where: the file, or the variable.
        line: in the file, counted from 1.
    """

    where: str | None
    line: int | None = None

    def __str__(self) -> str:
        """Return the place for people: ``nps-connect.toml, line 12``."""
        return f"{self.where}, line {self.line}" if self.line else self.where or ""


@dataclass(frozen=True)
class Origins:
    """The origin of every value of one configuration; without arguments, of one that came from no file.

    Attributes:
        file: the file.
        table: its values with the environment's in their places, references not resolved.
        lines: line of each key of the file.
        folder: base of the relative paths of the configuration.
        variables: where the variables of the environment file are set, by name.
    """

    file: str | None = None
    table: Mapping[str, Any] = field(default_factory=dict, repr=False)
    lines: Mapping[KeyPath, int] = field(default_factory=dict, repr=False)
    folder: Path | None = field(default=None, repr=False)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    def place(self, key_path: KeyPath) -> Place:
        """Return where the value at a key path is written; for a missing one, the nearest table around it."""
        value = self._find(key_path)
        if isinstance(value, ReferencedText):
            return Place(value.origin)
        for length in range(len(key_path), 0, -1):
            if key_path[:length] in self.lines:
                return Place(self.file, self.lines[key_path[:length]])
        return Place(self.file)

    def value_place(self, key_path: KeyPath) -> Place:
        """Return where the content of a value stands: the target of a reference, else `place`."""
        return Place(target) if (target := self.reference(key_path)) else self.place(key_path)

    def reference(self, key_path: KeyPath) -> str | None:
        """Return what the value at a key path refers to, or None.

        That is ``environment variable NAME``, a line of the environment file, or ``file PATH``.
        """
        value = self._find(key_path)
        if not isinstance(value, Mapping) or not is_reference(value) or len(value) > 1:
            return None
        kind, target = next(iter(value.items()))
        if kind == "env":
            return self.variables.get(str(target)) or describe_variable(str(target), None)
        return f"file {target}"

    def references(self, key_path: KeyPath) -> dict[KeyPath, str]:
        """Return what the values at and below a key path refer to, by key path, as `reference` does."""
        if (target := self.reference(key_path)) is not None:
            return {key_path: target}
        value = self._find(key_path)
        keys = value if isinstance(value, Mapping) else range(len(value)) if isinstance(value, list) else ()
        return {path: text for key in keys for path, text in self.references((*key_path, key)).items()}

    def is_given(self, key_path: KeyPath) -> bool:
        """Return whether the file or the environment sets the value at a key path."""
        return self._find(key_path) is not None

    def locate(self, error: ConfigError) -> ConfigError:
        """Return an error of a lower layer, which knows the key but not the file, with its place."""
        if error.where is None and error.key is not None:
            error.where, error.line = self.place(tuple(error.key.split(".")))
        return error

    def _find(self, key_path: KeyPath) -> object:
        """Return the value at a key path, or the text or reference that stands for a table or list around it."""
        value: object = self.table
        for part in key_path:
            if isinstance(value, ReferencedText) or is_reference(value):
                return value
            if isinstance(value, Mapping):
                value = value.get(part)
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
            else:
                return None
        return value
