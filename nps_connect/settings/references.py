"""Values by reference: ``{ env = "NAME" }`` and ``{ file = "path" }``, so that no secret stands in the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from nps_connect.errors import ConfigError
from nps_connect.settings.places import At, dotted

LARGEST = 65_536
KINDS = {"env", "file"}


class Referenced(str):
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


class Resolver:
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
        self.unresolved: list[At] = []

    def __call__(self, value: Any, at: At = ()) -> Any:  # noqa: ANN401  # a tree of anything that TOML can hold
        """The same tree with every reference replaced by a `Referenced` text."""
        if isinstance(value, list):
            return [self(item, (*at, index)) for index, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if not value or not KINDS.issuperset(value):
            return {key: self(item, (*at, key)) for key, item in value.items()}
        try:
            return self._follow(value)
        except _DeadEnd as dead_end:
            self.mistakes.append(
                ConfigError(dead_end.problem, where=self._where, key=dotted(at), fix=dead_end.fix),
            )
            self.unresolved.append(at)
            return Referenced("", self._where)

    def _follow(self, reference: dict[str, Any]) -> Referenced:
        if len(reference) > 1:
            raise _DeadEnd("refers to an environment variable and to a file", "keep one of env and file")
        kind, target = next(iter(reference.items()))
        if not isinstance(target, str) or not target:
            raise _DeadEnd("the reference has no name", 'write { env = "NAME" } or { file = "path" }')
        return self._variable(str(target)) if kind == "env" else self._secret_file(str(target))

    def _variable(self, name: str) -> Referenced:
        text = self._environ.get(name)
        if not text:
            state = "is empty" if name in self._environ else "is not set"
            raise _DeadEnd(f"environment variable {name} {state}", "set it before starting")
        return Referenced(text, f"environment variable {name}")

    def _secret_file(self, name: str) -> Referenced:
        path = self._folder / name
        try:
            if not path.is_file():
                raise _DeadEnd(f"secret file {name} " + ("is not a file" if path.exists() else "does not exist"))
            with path.open("rb") as stream:
                content = stream.read(LARGEST + 1)
            text = content.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise _DeadEnd(f"secret file {name} is not UTF-8 text") from None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a usable path"
            raise _DeadEnd(f"secret file {name} cannot be read: {reason}") from None
        if len(content) > LARGEST:
            raise _DeadEnd(f"secret file {name} is larger than {LARGEST // 1024} KiB")
        if not text.strip():
            raise _DeadEnd(f"secret file {name} is empty")
        return Referenced(text, f"file {name}")


class _DeadEnd(Exception):
    def __init__(self, problem: str, fix: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.fix = fix
