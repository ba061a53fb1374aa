"""Values by reference, ``{ env = "NAME" }`` and ``{ file = "path" }``, so that the file holds no secrets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nps_connect.errors import ConfigError
from nps_connect.settings.config_files import describe_variable
from nps_connect.settings.key_paths import KeyPath, format_key_path
from nps_connect.settings.origins import Origins, ReferencedText, is_reference

MAX_SECRET_FILE_BYTES = 65_536
UNAVAILABLE = "[this text is not available]"
"""Stands for a text that could not be read; long enough for a signing key."""


class ReferenceResolver:
    """Resolves the references of one configuration.

    Args:
        origins: of the values, for errors.
        folder: base of relative secret files.
        environ: the environment.

    Attributes:
        mistakes: an error for each reference that cannot be resolved.
        unresolved: the key paths of those references.
    """

    def __init__(self, origins: Origins, *, folder: Path, environ: Mapping[str, str]) -> None:
        self._origins = origins
        self._folder = folder
        self._environ = environ
        self.mistakes: list[ConfigError] = []
        self.unresolved: list[KeyPath] = []

    def resolve(self, value: Any, key_path: KeyPath = ()) -> Any:  # noqa: ANN401  # any TOML value
        """Return the value with every reference inside replaced by a `ReferencedText`."""
        if isinstance(value, list):
            return [self.resolve(item, (*key_path, index)) for index, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if not is_reference(value):
            return {key: self.resolve(item, (*key_path, key)) for key, item in value.items()}
        try:
            return self._load(value)
        except _UnresolvedReference as error:
            where, line = self._origins.place(key_path)
            self.mistakes.append(
                ConfigError(error.problem, where=where, line=line, key=format_key_path(key_path), fix=error.fix),
            )
            self.unresolved.append(key_path)
            return ReferencedText(UNAVAILABLE, str(where))

    def _load(self, reference: dict[str, Any]) -> ReferencedText:
        if len(reference) > 1:
            raise _UnresolvedReference("refers to both an environment variable and a file", "keep one of env and file")
        kind, target = next(iter(reference.items()))
        if not isinstance(target, str) or not target:
            raise _UnresolvedReference("the reference has no name", 'write { env = "NAME" } or { file = "path" }')
        return self._load_variable(str(target)) if kind == "env" else self._load_secret_file(str(target))

    def _load_variable(self, name: str) -> ReferencedText:
        text = self._environ.get(name)
        if not text:
            state = "is empty" if name in self._environ else "is not set"
            where = describe_variable(name, text)
            raise _UnresolvedReference(f"{where} {state}", "set it before starting")
        return ReferencedText(text, describe_variable(name, text), source=describe_variable(name, None))

    def _load_secret_file(self, name: str) -> ReferencedText:
        path = self._folder / name
        try:
            if not path.is_file():
                raise _UnresolvedReference(
                    f"secret file {name} " + ("is not a file" if path.exists() else "does not exist")
                )
            with path.open("rb") as stream:
                content = stream.read(MAX_SECRET_FILE_BYTES + 1)
            text = content.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise _UnresolvedReference(f"secret file {name} is not UTF-8 text") from None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a usable path"
            raise _UnresolvedReference(f"secret file {name} cannot be read: {reason}") from None
        if len(content) > MAX_SECRET_FILE_BYTES:
            raise _UnresolvedReference(f"secret file {name} is larger than {MAX_SECRET_FILE_BYTES // 1024} KiB")
        if not text.strip():
            raise _UnresolvedReference(f"secret file {name} is empty")
        return ReferencedText(text, f"file {name}")


class _UnresolvedReference(Exception):
    def __init__(self, problem: str, fix: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.fix = fix
