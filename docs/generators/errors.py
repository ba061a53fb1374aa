"""Generator of the exceptions reference."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from nps_connect import errors
from nps_connect.settings.docstrings import parse_docstring, parse_entries

INTRODUCTION = """# Errors

Exceptions are named by how the caller recovers, not by what went wrong: worker, web layer and command line decide by
class alone. Plugins raise them through the vendor HTTP client, which maps vendor responses to exceptions; a plugin
raises one itself only where its vendor deviates from the standard meaning of a status code."""


def render_page() -> str:
    """Return the page as Markdown: the class tree, then one section per exception."""
    tree = list(walk_subclasses(errors.NpsConnectError))
    drawing = "\n".join(f"{'   ' * depth}{error.__name__}" for error, depth in tree)
    return "\n\n".join([INTRODUCTION, f"```text\n{drawing}\n```", *(render_section(error) for error, _ in tree)])


def walk_subclasses(error: type[Exception], depth: int = 0) -> Iterator[tuple[type[Exception], int]]:
    """Yield an exception and its subclasses in this module with their depth, in file order."""
    yield error, depth
    children = [child for child in vars(errors).values() if inspect.isclass(child) and error in child.__bases__]
    for child in children:
        yield from walk_subclasses(child, depth + 1)


def render_section(error: type[Exception]) -> str:
    """Return the section of one exception: heading, meaning, arguments."""
    text, docstring_sections = parse_docstring(error)
    lines = [f"## `{error.__name__}`", text]
    if "Args" in docstring_sections:
        arguments = parse_entries(docstring_sections["Args"])
        lines.append("\n".join(f"- `{name}`: {meaning}" for name, meaning in arguments.items()))
    return "\n\n".join(lines)
