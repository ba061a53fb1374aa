"""Map the columns of a file to fields: by given names, by a layout, or by usual names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from nps_connect.rules.imports.fields import ImportField

_NOT_WORDS = re.compile(r"[^a-z0-9#]+")


class ColumnNotFound(ValueError):
    """A named column does not exist in the file, or exists more than once.

    Args:
        field: name of the field.
        column: the named column.
        columns: columns of the file.
        twice: the column exists more than once.
    """

    def __init__(self, field: str, column: str, columns: Sequence[str], *, twice: bool) -> None:
        self.field = field
        problem = "there are several columns" if twice else "there is no column"
        nearest = "" if twice else nearest_column(column, columns)
        existing = ", ".join(repr(name) for name in columns[:20])
        super().__init__(f"{problem} {column!r} for {field}{nearest}; the file has {existing}")


def nearest_column(name: str, columns: Sequence[str]) -> str:
    """Return the column whose name is most like another, as part of a sentence; empty if none is like it."""
    matches = get_close_matches(normalize_name(name), [normalize_name(column) for column in columns], n=1)
    nearest = next((column for column in columns if normalize_name(column) in matches), None)
    return f" (nearest: {nearest!r})" if nearest else ""


@dataclass(frozen=True)
class ColumnMapping:
    """The field of each column of a file.

    Attributes:
        index_by_field: index of the column, by field name.
        unused: names of columns without a field.
        alternatives: indexes of further columns by field name, best first, for rows whose cell is empty: an API writes
            a person as an id or as an object, and both may be in one file.
    """

    index_by_field: Mapping[str, int]
    unused: tuple[str, ...]
    alternatives: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def missing(self, *names: str) -> list[str]:
        """Those of these fields that have no column."""
        return [name for name in names if name not in self.index_by_field]

    def values(self, cells: Sequence[str]) -> dict[str, str]:
        """The non-empty cells of a row by field name."""
        values = {name: cells[index] for name, index in self.index_by_field.items() if cells[index]}
        for name, indexes in self.alternatives.items():
            if name not in values and (text := next((cells[index] for index in indexes if cells[index]), "")):
                values[name] = text
        return values

    def indexes(self, name: str) -> tuple[int, ...]:
        """Indexes of the columns of a field that the file has, best first."""
        return (self.index_by_field[name], *self.alternatives.get(name, ()))


def normalize_name(name: str) -> str:
    """Return a column name without accents, capitals and punctuation: ``adresse e mail`` for ``Adresse e-mail``."""
    bare = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().casefold()
    return _NOT_WORDS.sub(" ", bare).strip()


def find_columns(
    header: Sequence[str],
    fields: Sequence[ImportField],
    given: Mapping[str, str],
    preset: Mapping[str, Sequence[str]],
) -> ColumnMapping:
    """Find the column of each field: the given one, else that of the layout, else one with an alias as its name.

    Args:
        header: names of the columns.
        fields: the fields that the file may contain.
        given: required column names by field name.
        preset: optional column names of a layout by field name, best first.

    Raises:
        ColumnNotFound: a given column does not exist, or exists more than once.
    """
    names = [normalize_name(name) for name in header]
    index_by_field = {name: _index_of(name, column, header, names) for name, column in given.items()}
    for import_field in fields:
        if import_field.name in index_by_field:
            continue
        preset_names = map(normalize_name, preset.get(import_field.name, ()))
        for alias in (*preset_names, *import_field.aliases):
            if names.count(alias) == 1 and names.index(alias) not in index_by_field.values():
                index_by_field[import_field.name] = names.index(alias)
                break
    used = set(index_by_field.values())
    alternatives = {}
    for name in sorted(preset.keys() & index_by_field.keys() - given.keys()):
        aliases = dict.fromkeys(map(normalize_name, preset[name]))
        indexes = [names.index(alias) for alias in aliases if names.count(alias) == 1]
        alternatives[name] = tuple(index for index in indexes if index not in used)
        used.update(indexes)
    unused = tuple(name for index, name in enumerate(header) if index not in used and name)
    return ColumnMapping(index_by_field, unused, {name: indexes for name, indexes in alternatives.items() if indexes})


def _index_of(field: str, column: str, header: Sequence[str], names: Sequence[str]) -> int:
    """Index of a named column; an exact name is preferred to a normalised one."""
    indexes = [index for index, name in enumerate(header) if name == column.strip()]
    indexes = indexes or [index for index, name in enumerate(names) if name == normalize_name(column)]
    if len(indexes) != 1:
        raise ColumnNotFound(field, column, header, twice=bool(indexes))
    return indexes[0]
