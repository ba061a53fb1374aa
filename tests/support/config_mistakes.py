"""Mistakes of a configuration as tests compare them."""

import re
from pathlib import Path

import pytest

from nps_connect.errors import ConfigErrors


def caught_mistakes(load, path: Path, *, with_lines: bool = False) -> list[str]:
    """Return one sentence per mistake that `load()` raises, with the file's name instead of its path.

    Args:
        load: loads the configuration.
        path: of the configuration.
        with_lines: keep the line numbers.
    """
    with pytest.raises(ConfigErrors) as caught:
        load()
    sentences = [line.replace(str(path), path.name) for line in str(caught.value).splitlines()]
    if with_lines:
        return sentences
    return [re.sub(rf"^({re.escape(path.name)}), line \d+: (?=[a-z_]+[.:])", r"\1: ", line) for line in sentences]


def place_of(path: Path, text: str) -> str:
    """Return the place of the first line that starts with a text, as errors name it: ``nps-connect.toml, line 3``."""
    lines = path.read_text(encoding="utf-8").splitlines()
    number = next(number for number, line in enumerate(lines, start=1) if line.startswith(text))
    return f"{path.name}, line {number}"
