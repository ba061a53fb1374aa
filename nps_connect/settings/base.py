"""Base class and common types of every table of the file."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

NAME_PATTERN = r"^[a-z][a-z0-9-]{0,39}$"
LANGUAGE_PATTERN = r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
"""A name chosen by the operator: lower case letters, digits and dashes, at most 40 characters."""

Language = Annotated[str, Field(pattern=LANGUAGE_PATTERN)]


class SettingsTable(BaseModel):
    """A table of the file: frozen, without unknown keys, and without values in error texts."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        populate_by_name=True,
        defer_build=True,  # tables are validated as parts of the whole file: a validator of each costs start-up
    )
