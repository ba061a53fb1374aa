"""The two files of a configuration, read as they stand: TOML, and ``NAME=value`` lines."""

from __future__ import annotations

import io
import re
import tomllib
from pathlib import Path
from typing import Any

from dotenv.parser import parse_stream

from nps_connect.errors import ConfigError

_POSITION = re.compile(r" \(at line (\d+), column (\d+)\)$| \(at end of document\)$")


def read_toml(path: Path) -> dict[str, Any]:
    """The file as TOML.

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
        raise ConfigError("not UTF-8 text", where=f"{where}, line {line}") from None
    except (OSError, ValueError) as error:
        raise _unreadable(error, where) from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(str(error), text, where) from None
    except (ValueError, RecursionError):
        raise ConfigError("not valid TOML: a number is too long or lists are too deep", where=where) from None


def _unreadable(error: Exception, where: str) -> ConfigError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a usable path"
    return ConfigError(f"cannot be read: {reason}", where=where)


def _syntax_error(message: str, text: str, where: str) -> ConfigError:
    found = _POSITION.search(message)
    if found and found[1]:
        line, column = found[1], found[2]
    else:
        lines = text.split("\n")
        line, column = str(len(lines)), str(len(lines[-1]) + 1)
    problem = _POSITION.sub("", message).strip()
    return ConfigError(
        f"not valid TOML: {problem[:1].lower()}{problem[1:]}", where=f"{where}, line {line}, column {column}"
    )


def read_environment_file(path: Path) -> dict[str, str]:
    """Variables from a ``NAME=value`` file; none if there is no such file.

    Raises:
        ConfigError: it cannot be read, or a line is no assignment.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError:
        raise ConfigError("not UTF-8 text", where=str(path)) from None
    except (OSError, ValueError) as error:
        raise _unreadable(error, str(path)) from None
    variables = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.error or (binding.key is not None and binding.value is None):
            raise ConfigError("not NAME=value", where=f"{path}, line {binding.original.line}")
        if binding.key is not None and binding.value is not None:
            variables[binding.key] = binding.value
    return variables
