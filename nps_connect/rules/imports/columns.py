"""Which column of a file means what: said by name, by a preset, or recognised by the usual names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_NOT_WORDS = re.compile(r"[^a-z0-9#]+")


@dataclass(frozen=True)
class ImportField:
    """Something that a file may tell.

    Attributes:
        name: as in ``--column name=COLUMN``.
        told: what it is, for people.
        usual: column names by which it is recognised, in the form of `plain`, best first.
    """

    name: str
    told: str
    usual: tuple[str, ...] = ()


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

PEOPLE_FIELDS = (_EMAIL, _NAME, _FIRST_NAME, _LANGUAGE, ImportField("id", "the person's id at the connection"))
RESPONSE_FIELDS = (
    _EMAIL,
    ImportField(
        "score",
        "the score, 0 to 10",
        ("score", "note", "nps", "nps score", "score nps", "note nps"),
    ),
    ImportField(
        "answered_at",
        "the moment of the answer",
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
            "date",
        ),
    ),
    ImportField(
        "id",
        "the answer's id",
        ("response id", "id reponse", "id de reponse", "identifiant", "respondent id", "id"),
    ),
    ImportField(
        "comment", "the comment", ("comment", "comments", "commentaire", "commentaires", "feedback", "verbatim")
    ),
    ImportField("contact_id", "the person's id at the connection"),
    _NAME,
    _FIRST_NAME,
    _LANGUAGE,
    ImportField("touchpoint", "the moment asked about", ("touchpoint",)),
)

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
    },
    "delighted": {"id": "id", "email": "email", "score": "score", "comment": "comment", "answered_at": "created_at"},
    "surveymonkey": {"id": "Respondent ID", "email": "Email Address", "answered_at": "End Date"},
    "typeform": {"id": "#", "answered_at": "Submit Date (UTC)"},
}
"""Column names of other tools' exports, as their own documentation or their files have them; where a file names its
columns after the questions, the score and the comment are left to ``--column``. `plain` goes by the usual names."""

PRESET_ZONES = {"typeform": "UTC"}
"""Time zones of presets whose moments carry none; the column's own name says so."""


class ColumnNotFound(ValueError):
    """A column was named that the file does not have, or that it has twice.

    Args:
        field: what it was to tell.
        column: its name.
        columns: those that there are.
        twice: it is there more than once.
    """

    def __init__(self, field: str, column: str, columns: Sequence[str], *, twice: bool) -> None:
        self.field = field
        there = "there are several columns" if twice else "there is no column"
        known = ", ".join(repr(name) for name in columns[:20])
        super().__init__(f"{there} {column!r} for {field}; the file has {known}")


@dataclass(frozen=True)
class ColumnMapping:
    """What the columns of a file mean.

    Attributes:
        places: index of the column, by field.
        unused: names of the columns that mean nothing to us.
    """

    places: Mapping[str, int]
    unused: tuple[str, ...]

    def missing(self, *names: str) -> list[str]:
        """Those of these fields that no column tells."""
        return [name for name in names if name not in self.places]

    def told(self, cells: Sequence[str]) -> dict[str, str]:
        """The cells by field; empty ones are left out."""
        return {name: cells[place] for name, place in self.places.items() if cells[place]}


def normalize_name(name: str) -> str:
    """A column's name without accents, capitals and signs: ``Adresse e-mail`` is ``adresse e mail``."""
    bare = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().casefold()
    return _NOT_WORDS.sub(" ", bare).strip()


def find_columns(
    header: Sequence[str], fields: Sequence[ImportField], given: Mapping[str, str], preset: Mapping[str, str]
) -> ColumnMapping:
    """Find each field's column: as given, else as the preset says, else by its usual names.

    Args:
        header: the names of the columns.
        fields: what is looked for.
        given: column names by field; must be there.
        preset: column names by field; need not be there.

    Raises:
        NoSuchColumn: a given column is not there, or not there once.
    """
    names = [normalize_name(name) for name in header]
    places: dict[str, int] = {}
    for field, column in given.items():
        found = [place for place, name in enumerate(header) if name == column.strip()]
        found = found or [place for place, name in enumerate(names) if name == normalize_name(column)]
        if len(found) != 1:
            raise ColumnNotFound(field, column, header, twice=bool(found))
        places[field] = found[0]
    for field_ in fields:
        if field_.name in places:
            continue
        for usual in ([normalize_name(preset[field_.name])] if field_.name in preset else []) + list(field_.usual):
            if names.count(usual) == 1 and names.index(usual) not in places.values():
                places[field_.name] = names.index(usual)
                break
    unused = tuple(name for place, name in enumerate(header) if place not in places.values() and name)
    return ColumnMapping(places, unused)
