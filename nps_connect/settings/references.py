"""Values by reference: ``{ env = "NAME" }`` and ``{ file = "path" }``, so that no secret stands in the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from nps_connect.errors import ConfigError
from nps_connect.settings.key_paths import KeyPath, format_key_path

MAX_SECRET_FILE_BYTES = 65_536
REFERENCE_KINDS = {"env", "file"}


class ReferencedText(str):
    """A text that came from the environment or a secret file, and may be secret: its representation hides it.

    Attributes:
        origin: where the text stands, for errors.
        override: its key comes from there too, not from the file.
    """

    __slots__ = ("origin", "override")
    origin: str
    override: bool

    def __new__(cls, text: str, origin: str, *, override: bool = False) -> Self:
        """Mark a text with where it came from."""
        referenced = super().__new__(cls, text)
        referenced.origin = origin
        referenced.override = override
        return referenced

    def __repr__(self) -> str:
        return "'[hidden]'"


class ReferenceResolver:
    """Follows the references of one configuration and collects those that lead nowhere.

    Args:
        where: the file, for errors.
        folder: secret files are relative to it.
        environ: the environment.
    """

    def __init__(self, *, where: str, folder: Path, environ: Mapping[str, str]) -> None:
        self._where = where
        self._folder = folder
        self._environ = environ
        self.mistakes: list[ConfigError] = []
        self.unresolved: list[KeyPath] = []

    def __call__(self, value: Any, at: KeyPath = ()) -> Any:  # noqa: ANN401  # a tree of anything that TOML can hold
        """The same tree with every reference replaced by a `ReferencedText` text."""
        if isinstance(value, list):
            return [self(item, (*at, index)) for index, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if not value or not REFERENCE_KINDS.issuperset(value):
            return {key: self(item, (*at, key)) for key, item in value.items()}
        try:
            return self._follow(value)
        except _UnresolvedReference as dead_end:
            self.mistakes.append(
                ConfigError(dead_end.problem, where=self._where, key=format_key_path(at), fix=dead_end.fix),
            )
            self.unresolved.append(at)
            return ReferencedText("", self._where)

    def _follow(self, reference: dict[str, Any]) -> ReferencedText:
        if len(reference) > 1:
            raise _UnresolvedReference("refers to an environment variable and to a file", "keep one of env and file")
        kind, target = next(iter(reference.items()))
        if not isinstance(target, str) or not target:
            raise _UnresolvedReference("the reference has no name", 'write { env = "NAME" } or { file = "path" }')
        return self._variable(str(target)) if kind == "env" else self._secret_file(str(target))

    def _variable(self, name: str) -> ReferencedText:
        text = self._environ.get(name)
        if not text:
            state = "is empty" if name in self._environ else "is not set"
            raise _UnresolvedReference(f"environment variable {name} {state}", "set it before starting")
        return ReferencedText(text, f"environment variable {name}")

    def _secret_file(self, name: str) -> ReferencedText:
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
