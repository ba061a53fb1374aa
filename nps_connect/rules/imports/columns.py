"""Map the columns of a file to fields: by given names, by a preset, or by usual names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_NOT_WORDS = re.compile(r"[^a-z0-9#]+")


@dataclass(frozen=True)
class ImportField:
    """A field that a file may contain.

    Attributes:
        name: as in ``--column name=COLUMN``.
        label: for people.
        aliases: column names by which it is recognised, normalised with `normalize_name`, best first.
    """

    name: str
    label: str
    aliases: tuple[str, ...] = ()


_EMAIL = ImportField(
    "email",
    "the e-mail address",
    (
        "email",
        "e mail",
        "email address",
        "e mail address",
        "adresse email",
        "adresse e mail",
        "courriel",
        "adresse mail",
        "mail",
        "contact email",
        "person email",
        "customer email",
    ),
)
_NAME = ImportField(
    "name",
    "the name",
    (
        "name",
        "full name",
        "nom et prenom",
        "prenom et nom",
        "customer name",
        "contact name",
        "last name",
        "nom de famille",
        "nom",
    ),
)
_FIRST_NAME = ImportField("first_name", "the first name", ("first name", "firstname", "prenom"))
_LANGUAGE = ImportField("language", "the language", ("language", "langue", "lang", "locale"))

PEOPLE_FIELDS = (_EMAIL, _NAME, _FIRST_NAME, _LANGUAGE, ImportField("id", "the contact id at the connection"))
RESPONSE_FIELDS = (
    _EMAIL,
    ImportField(
        "score",
        "the score, 0 to 10",
        ("score", "note", "nps", "nps score", "score nps", "note nps"),
    ),
    ImportField(
        "answered_at",
        "the date of the response",
        (
            "answered at",
            "responded at",
            "responded",
            "response date",
            "date de reponse",
            "repondu le",
            "submitted at",
            "submit date utc",
            "end date",
            "completed at",
            "created at",
            "timestamp",
            "horodateur",
            "date",
        ),
    ),
    ImportField(
        "id",
        "the response id",
        ("response id", "id reponse", "id de reponse", "identifiant", "respondent id", "id"),
    ),
    ImportField(
        "comment", "the comment", ("comment", "comments", "commentaire", "commentaires", "feedback", "verbatim")
    ),
    ImportField("contact_id", "the contact id at the connection"),
    _NAME,
    _FIRST_NAME,
    _LANGUAGE,
    ImportField("touchpoint", "the touchpoint", ("touchpoint",)),
    ImportField("status", "the kind of response"),
    ImportField("metric", "the metric that was asked for, such as nps"),
)

TEST_STATUSES = frozenset(
    {
        "survey preview", "survey test", "survey preview spam", "offline survey preview",
        "1", "2", "9", "17",
    }
)  # fmt: skip
"""Values of the field `status` that mark a test, as Qualtrics writes them: as texts or as numbers."""

PRESETS: dict[str, dict[str, str]] = {
    "plain": {},
    "nps-connect": {
        "id": "id",
        "email": "email",
        "name": "name",
        "score": "score",
        "comment": "comment",
        "answered_at": "answered_at",
        "language": "language",
        "touchpoint": "touchpoint",
    },
    "asknicely": {
        "id": "response_id",
        "email": "email",
        "name": "name",
        "score": "answer",
        "comment": "comment",
        "answered_at": "responded",
        "metric": "question_type",
    },
    "delighted": {
        "id": "id",
        "email": "email",
        "score": "score",
        "comment": "comment",
        "answered_at": "created_at",
        "metric": "survey_type",
    },
    "qualtrics": {
        "id": "ResponseId",
        "email": "RecipientEmail",
        "first_name": "RecipientFirstName",
        "name": "RecipientLastName",
        "answered_at": "RecordedDate",
        "language": "UserLanguage",
        "status": "Status",
    },
    "surveymonkey": {"id": "Respondent ID", "email": "Email Address", "answered_at": "End Date"},
    "typeform": {"id": "#", "answered_at": "Submit Date (UTC)"},
}
"""Column names in exports of other tools, from their documentation or files. Where a tool names columns after its
questions, score and comment need ``--column``. `plain` uses the aliases only."""

PRESET_ZONES = {"typeform": "UTC"}
"""Time zones of presets whose moments have none; the name of the column states it."""


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
        existing = ", ".join(repr(name) for name in columns[:20])
        super().__init__(f"{problem} {column!r} for {field}; the file has {existing}")


@dataclass(frozen=True)
class ColumnMapping:
    """The field of each column of a file.

    Attributes:
        index_by_field: index of the column, by field name.
        unused: names of columns without a field.
    """

    index_by_field: Mapping[str, int]
    unused: tuple[str, ...]

    def missing(self, *names: str) -> list[str]:
        """Those of these fields that have no column."""
        return [name for name in names if name not in self.index_by_field]

    def values(self, cells: Sequence[str]) -> dict[str, str]:
        """The non-empty cells of a row by field name."""
        return {name: cells[index] for name, index in self.index_by_field.items() if cells[index]}


def normalize_name(name: str) -> str:
    """Return a column name without accents, capitals and punctuation: ``adresse e mail`` for ``Adresse e-mail``."""
    bare = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().casefold()
    return _NOT_WORDS.sub(" ", bare).strip()


def find_columns(
    header: Sequence[str], fields: Sequence[ImportField], given: Mapping[str, str], preset: Mapping[str, str]
) -> ColumnMapping:
    """Find the column of each field: the given one, else that of the preset, else one with an alias as its name.

    Args:
        header: names of the columns.
        fields: the fields that the file may contain.
        given: required column names by field name.
        preset: optional column names by field name.

    Raises:
        ColumnNotFound: a given column does not exist, or exists more than once.
    """
    names = [normalize_name(name) for name in header]
    index_by_field = {field: _index_of(field, column, header, names) for field, column in given.items()}
    for field in fields:
        if field.name in index_by_field:
            continue
        preset_names = [normalize_name(preset[field.name])] if field.name in preset else []
        for alias in (*preset_names, *field.aliases):
            if names.count(alias) == 1 and names.index(alias) not in index_by_field.values():
                index_by_field[field.name] = names.index(alias)
                break
    used = set(index_by_field.values())
    return ColumnMapping(index_by_field, tuple(name for index, name in enumerate(header) if index not in used and name))


def _index_of(field: str, column: str, header: Sequence[str], names: Sequence[str]) -> int:
    """Index of a named column; an exact name is preferred to a normalised one."""
    indexes = [index for index, name in enumerate(header) if name == column.strip()]
    indexes = indexes or [index for index, name in enumerate(names) if name == normalize_name(column)]
    if len(indexes) != 1:
        raise ColumnNotFound(field, column, header, twice=bool(indexes))
    return indexes[0]
