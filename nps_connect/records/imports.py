"""`ImportLayout`: where a kind of file from another tool has what an import reads."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nps_connect.records.base import Record

ImportKind = Literal["responses", "people", "unsubscribes", "bounces", "review_invitations", "suppressions"]
"""What the rows of a file are."""


class ImportLayout(Record):
    """One kind of file as a source writes it; CSV and JSON alike.

    Attributes:
        source: name of the source on the command line.
        kind: what the rows are.
        columns: names of a field's column, best first; in JSON the keys on the way to the value, joined by dots.
        recognized_by: columns that such a file has; with none, the file's kind is given on the command line.
        zone: time zone of moments without one, if the source states it.
    """

    source: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    kind: ImportKind
    columns: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    recognized_by: tuple[str, ...] = ()
    zone: str | None = None
