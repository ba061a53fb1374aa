"""Generator of the records reference: every field of what crosses a hook, with its type and meaning."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from typing import Any

import nps_connect
from nps_connect.records.base import Record
from nps_connect.settings.docstrings import describe_attribute, parse_docstring

INTRODUCTION = """# Records

Records are the data that crosses a hook. Each of them is imported from `nps_connect`. They are frozen: to change one,
make a copy with `model_copy(update={...})`. They accept no unknown field, and every value is validated.

These types occur again and again:

| type | meaning |
| --- | --- |
| `Moment` | a `datetime` with a time zone; it is converted to UTC, and a naive value is an error |
| `Score` | an integer from 0 to 10; nothing is rounded |
| `Line` | text on one line; control characters are removed |
| `Text` | text of any number of lines; control characters are removed |
| `FieldValue` | `str`, `int`, `float`, `bool` or `None` |
| `Priority` | `urgent`, `high`, `normal` or `low` |
| `CommentPolicy` | what of a comment may be written: `full` (the comment), `link` (where to read it), `none` |
| `CaseState` | `open`, `solved` or `recovered` |
| `Segment` | `promoter` (9-10), `passive` (7-8) or `detractor` (0-6) |

A field without a default is required. Names of fields that end in `_at` are moments; names that end in `_seconds` are
seconds."""


def render_page() -> str:
    """Return the page as Markdown: one section per record, in alphabetical order."""
    return "\n\n".join([INTRODUCTION, *(render_record(record) for record in public_records())])


def public_records() -> list[type[Any]]:
    """Return the classes of the public API that carry data."""
    classes = [getattr(nps_connect, name) for name in nps_connect.__all__ if name[0].isupper()]
    return [item for item in classes if inspect.isclass(item) and list(iter_fields(item))]


def iter_fields(record: type[Any]) -> Iterator[tuple[str, str, str]]:
    """Yield name, type and default (empty if required) of each field that a record or a dataclass has."""
    annotations: dict[str, Any] = {}
    for owner in reversed(inspect.getmro(record)):
        annotations |= inspect.get_annotations(owner)
    if issubclass(record, Record):
        for name, field in record.model_fields.items():
            default = "" if field.is_required() else repr(field.default) if field.default_factory is None else "empty"
            yield name, str(annotations[name]), default
    elif dataclasses.is_dataclass(record) and not record.__name__.startswith("Connection"):
        for item in dataclasses.fields(record):
            required = item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
            default = "" if required else repr(item.default) if item.default is not dataclasses.MISSING else "empty"
            yield item.name, str(annotations[item.name]), default


def render_record(record: type[Any]) -> str:
    """Return the section of one record: heading, meaning, table of fields."""
    rows = ["| field | type | default | meaning |", "| --- | --- | --- | --- |"]
    for name, annotation, default in iter_fields(record):
        cells = [f"`{name}`", f"`{annotation}`", f"`{default}`" if default else "required", meaning(record, name)]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n\n".join([f"## `{record.__name__}`", parse_docstring(record)[0], "\n".join(rows)])


def meaning(record: type[Any], name: str) -> str:
    """Return what a field means, from the docstring; empty if it says nothing."""
    return " ".join(describe_attribute(record, name).split())
