"""Implementations of hooks in this repository, read from the source: examples for the hooks reference."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAX_LINES = 30


@dataclass(frozen=True)
class Implementation:
    """One implementation of a hook.

    Attributes:
        plugin: name of the bundled plugin; empty for a plugin of the tests.
        path: file, relative to the repository.
        source: the function with its decorator.
    """

    plugin: str
    path: str
    source: str


@cache
def load_implementations() -> dict[str, list[Implementation]]:
    """Return the implementations by hook: those of bundled plugins; of the tests for hooks that none of them has."""
    bundled: dict[str, list[Implementation]] = {}
    for folder in sorted([*ROOT.glob("nps_connect/builtin/*"), *ROOT.glob("plugins/*/nps_connect_*")]):
        plugin = folder.name.removeprefix("nps_connect_")
        for path in sorted(folder.rglob("*.py")):
            _collect(bundled, plugin, path)
    tests: dict[str, list[Implementation]] = {}
    for path in sorted(ROOT.glob("tests/**/*.py")):
        _collect(tests, "", path)
    return {**tests, **bundled}


def shortest(implementations: list[Implementation]) -> Implementation | None:
    """Return the implementation with the fewest lines; None if all of them are too long for an example."""
    short = [item for item in implementations if item.source.count("\n") < MAX_LINES]
    return min(short, key=lambda item: (item.source.count("\n"), item.path), default=None)


def _collect(implementations: dict[str, list[Implementation]], plugin: str, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if "@hookimpl" not in text:
        return
    for function in _hook_functions(ast.parse(text)):
        lines = text.splitlines()[function.decorator_list[0].lineno - 1 : function.end_lineno]
        source = textwrap.dedent("\n".join(lines))
        found = Implementation(plugin, path.relative_to(ROOT).as_posix(), source)
        implementations.setdefault(function.name, []).append(found)


def _hook_functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.FunctionDef)
            and node.name.startswith("nps_")
            and any(isinstance(decorator, ast.Name) and decorator.id == "hookimpl" for decorator in node.decorator_list)
        ):
            yield node
