"""The page of the error family."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from generators.docstrings import parse_docstring, parse_entries
from nps_connect import errors

INTRODUCTION = """# Errors

Named by what happens next, not by what went wrong: the worker, the web and the command line decide by class alone. A
plugin raises them through its vendor client, which knows what a vendor's answer means; only where a vendor has habits
of its own does a plugin name an error itself."""


def render_page() -> str:
    """The page as Markdown: the tree, then every error."""
    tree = list(walk_subclasses(errors.NpsConnectError))
    drawing = "\n".join(f"{'   ' * depth}{error.__name__}" for error, depth in tree)
    return "\n\n".join([INTRODUCTION, f"```text\n{drawing}\n```", *(render_section(error) for error, _ in tree)])


def walk_subclasses(error: type[Exception], depth: int = 0) -> Iterator[tuple[type[Exception], int]]:
    """An error and all below it that the module itself defines, in the order of the file."""
    yield error, depth
    below = [child for child in vars(errors).values() if inspect.isclass(child) and error in child.__bases__]
    for child in below:
        yield from walk_subclasses(child, depth + 1)


def render_section(error: type[Exception]) -> str:
    """One error: heading, meaning, arguments."""
    text, more = parse_docstring(error)
    lines = [f"## `{error.__name__}`", text]
    if "Args" in more:
        lines.append("\n".join(f"- `{name}`: {meaning}" for name, meaning in parse_entries(more["Args"]).items()))
    return "\n\n".join(lines)
