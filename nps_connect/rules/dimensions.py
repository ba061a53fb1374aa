"""The groups of a response: dimensions from the fields of its event and contact, and teams. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nps_connect.records.base import FieldValue
from nps_connect.sanitization import one_line

if TYPE_CHECKING:
    from nps_connect.records.connectors import FieldType
    from nps_connect.rules.filters import Filter
    from nps_connect.settings.model import Settings

MAX_VALUE_LENGTH = 100
LOCATION = "location"
"""The dimension of shops and other places."""

OWNER = "owner"
"""The dimension whose values are members of staff."""

TEAM_FILTER_FIELDS = ("survey", "touchpoint", "language", "collected_by")
"""Properties of every response that the filter of a team may use, in addition to the dimensions."""

Group = tuple[str, str]
"""A name of a dimension, or ``team``, and a value."""


@dataclass(frozen=True)
class TeamRule:
    """Which responses belong to a team: those that the filter accepts, and those of the owners."""

    where: Filter | None
    owners: frozenset[str]

    @property
    def definition(self) -> str:
        """The definition as a text, by which a change is noticed."""
        return repr((self.where.text if self.where else None, sorted(self.owners)))

    def accepts(self, facts: Mapping[str, FieldValue]) -> bool:
        """Return whether a response with these properties and dimensions belongs to the team."""
        return facts.get(OWNER) in self.owners or (self.where is not None and self.where.matches(facts))


@dataclass(frozen=True)
class DimensionRules:
    """The dimensions and teams of a configuration.

    Attributes:
        fields: field of the event, or else of the contact, by name of the dimension.
        teams: by name.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    teams: Mapping[str, TeamRule] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.fields or self.teams)

    def read_dimensions(self, event: Mapping[str, FieldValue], contact: Mapping[str, FieldValue]) -> dict[str, str]:
        """Return the dimensions that the fields of an event and a contact have a value of."""
        values = {}
        for name, source in self.fields.items():
            value = dimension_value(event.get(source)) or dimension_value(contact.get(source))
            if value is not None:
                values[name] = value
        return values

    def find_teams(self, facts: Mapping[str, FieldValue]) -> list[Group]:
        """Return the teams of a response with these properties and dimensions."""
        return [("team", name) for name, team in self.teams.items() if team.accepts(facts)]


def dimension_value(value: FieldValue) -> str | None:
    """Return a field's value as the name of a group, one line; None if it is empty."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool):
        return str(value).lower()
    return one_line(str(value), MAX_VALUE_LENGTH) or None if value is not None else None


def build_dimension_rules(settings: Settings) -> DimensionRules:
    """Return the rules of a configuration.

    Raises:
        FilterError: the filter of a team is invalid.
    """
    dimensions = settings.core.dimensions
    return DimensionRules(
        dimensions,
        {
            name: TeamRule(
                None if team.where is None else compile_team_filter(team.where, dimensions), frozenset(team.owners)
            )
            for name, team in settings.teams.items()
        },
    )


def compile_team_filter(text: str, dimensions: Mapping[str, str]) -> Filter:
    """Compile the filter of a team.

    Raises:
        FilterError: it is invalid, or uses what is not known of every response.
    """
    from nps_connect.rules.filter_tokens import FilterError, suggest_names, tokenize
    from nps_connect.rules.filters import compile_filter

    fields: dict[str, FieldType] = dict.fromkeys((*TEAM_FILTER_FIELDS, *dimensions), "text")
    for token in tokenize(text):
        if token.kind == "name" and token.text not in fields:
            hint = suggest_names(token.text, sorted(fields))
            raise FilterError(f"{token.text!r} is not kept with a response, {hint}", token.column)
    return compile_filter(text, fields, open_fields=False)
