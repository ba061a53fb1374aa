"""Base class and common types of every table of the file."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from nps_connect.records.base import is_mail_address

NAME_PATTERN = r"^[a-z][a-z0-9-]{0,39}$"
LANGUAGE_PATTERN = r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
"""A name chosen by the operator: lower case letters, digits and dashes, at most 40 characters."""

Language = Annotated[str, Field(pattern=LANGUAGE_PATTERN)]


def check_mail_address(value: str) -> str:
    """Return an address without surrounding blanks.

    Raises:
        ValueError: it is none.
    """
    if not is_mail_address(value.strip()):
        raise ValueError("not an e-mail address such as care@example.com")
    return value.strip()


MailAddress = Annotated[str, AfterValidator(check_mail_address)]


class SettingsTable(BaseModel):
    """A table of the file: frozen, without unknown keys, and without values in error texts."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        populate_by_name=True,
        defer_build=True,  # tables are validated as parts of the whole file: a validator of each costs start-up
    )
