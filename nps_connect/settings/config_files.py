"""Read the two files of a configuration: TOML, and ``NAME=value`` lines."""

from __future__ import annotations

import io
import re
import tomllib
from collections.abc import Container
from pathlib import Path
from typing import Any, Self

from dotenv.parser import parse_stream

from nps_connect.errors import ConfigError

_POSITION = re.compile(r" \(at line (\d+), column (\d+)\)$| \(at end of document\)$")


def read_toml(path: Path) -> tuple[dict[str, Any], str]:
    """Parse a TOML file; returns its values and its text.

    Raises:
        ConfigError: it does not exist, cannot be read, or is not TOML; with line and column.
    """
    where = str(path)
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        fix = "write one with: nps-connect init" if path.name.endswith(".toml") else None
        raise ConfigError("there is no such file", where=where, fix=fix) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError("not UTF-8 text", where=where, line=line) from None
    except (OSError, ValueError) as error:
        raise _unreadable(error, where) from None
    try:
        return tomllib.loads(text), text
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(str(error), text, where) from None
    except (ValueError, RecursionError):
        raise ConfigError("not valid TOML: a number is too long or lists are too deep", where=where) from None


def _unreadable(error: Exception, where: str) -> ConfigError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a usable path"
    return ConfigError(f"cannot be read: {reason}", where=where)


def _syntax_error(message: str, text: str, where: str) -> ConfigError:
    position = _POSITION.search(message)
    if position and position[1]:
        line, column = position[1], position[2]
    else:
        lines = text.split("\n")
        line, column = str(len(lines)), str(len(lines[-1]) + 1)
    problem = _POSITION.sub("", message).strip()
    return ConfigError(
        f"not valid TOML: {problem[:1].lower()}{problem[1:]}", where=f"{where}, line {line}, column {column}"
    )


def format_variable(name: str, value: str) -> str:
    """Return a line of an environment file; the value is in single quotes, so that nothing in it is expanded."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"{name}='{escaped}'\n"


def remove_variables(text: str, names: Container[str]) -> str:
    """Return the text of an environment file without the assignments of these variables."""
    bindings = parse_stream(io.StringIO(text))
    return "".join(binding.original.string for binding in bindings if binding.key is None or binding.key not in names)


class FileVariable(str):
    """The value of a variable of an environment file.

    Attributes:
        place: file and line, for errors.
    """

    __slots__ = ("place",)
    place: str

    def __new__(cls, value: str, place: str) -> Self:
        """Create the value with its place."""
        variable = super().__new__(cls, value)
        variable.place = place
        return variable


def describe_variable(name: str, value: str | None) -> str:
    """Return where a variable is set, for errors: the line of the environment file, or the environment."""
    return f"{value.place} ({name})" if isinstance(value, FileVariable) else f"environment variable {name}"


def read_environment_file(path: Path) -> dict[str, FileVariable]:
    """Return the variables of a ``NAME=value`` file; empty if the file does not exist.

    Raises:
        ConfigError: it cannot be read, or a line is not an assignment.
    """
    try:
        content = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError:
        raise ConfigError("not UTF-8 text", where=str(path)) from None
    except (OSError, ValueError) as error:
        raise _unreadable(error, str(path)) from None
    variables: dict[str, FileVariable] = {}
    for binding in parse_stream(io.StringIO(content)):
        if binding.error or (binding.key is not None and binding.value is None):
            raise ConfigError("not NAME=value", where=str(path), line=binding.original.line)
        if binding.key is not None and binding.value is not None:
            text = binding.original.string  # with the blank lines before it
            line = binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
            variables[binding.key] = FileVariable(binding.value, f"{path}, line {line}")
    return variables
