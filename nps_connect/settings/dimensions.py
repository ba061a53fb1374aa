"""``[core.dimensions]`` and ``[teams.<name>]``: the groups by which figures are compared."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from nps_connect.settings.base import Language, MailAddress, Name, SettingsTable

RESERVED_DIMENSIONS = frozenset(
    {"connection", "language", "score", "segment", "survey", "team", "text", "touchpoint", "value"}
)
"""Names of other properties of responses and of columns, which dimensions cannot have."""

MAX_DIMENSIONS = 20


def check_dimension_name(name: str) -> str:
    """Return the name of a dimension.

    Raises:
        ValueError: responses have a property of that name already.
    """
    if name in RESERVED_DIMENSIONS:
        raise ValueError(f"{name} is a property of every response; choose another name for the dimension")
    return name


DimensionName = Annotated[Name, AfterValidator(check_dimension_name)]
DimensionField = Annotated[str, Field(min_length=1, max_length=100)]
Dimensions = Annotated[dict[DimensionName, DimensionField], Field(max_length=MAX_DIMENSIONS)]


class Team(SettingsTable):
    """``[teams.<name>]``: a group of responses, such as those of a shop, and the people who look after it.

    A response belongs to the team if `where` accepts it or its owner is one of `owners`; it may belong to several.

    Attributes:
        where: filter on `survey`, `touchpoint`, `language`, `collected_by` and the names of ``[core.dimensions]``.
        owners: values of the dimension `owner`.
        members: mail addresses of the people of the team. Figures about a team with fewer than three members are
            figures about staff.
        label: name of the team for people, by language; the name in this file if not given.
    """

    where: str | None = None
    owners: tuple[str, ...] = ()
    members: tuple[MailAddress, ...] = ()
    label: dict[Language, Annotated[str, Field(min_length=1, max_length=80)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_responses(self) -> Team:
        if self.where is None and not self.owners:
            raise ValueError("no response can belong to the team: it needs where, or owners")
        if len({address.casefold() for address in self.members}) < len(self.members):
            raise ValueError("an address is twice in members")
        return self
