"""The ``[connections.<name>]`` table of the plugin."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from nps_connect import ConnectionSettings
from nps_connect.builtin.review_link.url_template import find_placeholders, validate_template


def normalize_location(name: object) -> str:
    """Return the form in which configured names and CRM values are compared."""
    text = int(name) if isinstance(name, float) and name.is_integer() else name
    return str(text).strip().casefold()


def _normalize_locations(locations: dict[str, str]) -> dict[str, str]:
    keyed = {normalize_location(name): value for name, value in locations.items()}
    if len(keyed) < len(locations) or "" in keyed:
        raise ValueError("contains a duplicate or empty name (case and surrounding spaces are ignored)")
    return keyed


class ReviewLinkSettings(ConnectionSettings):
    """The review page and the platform's policy.

    Attributes:
        title: the platform's name as customers know it.
        url: the review page; may contain ``{location}`` and ``{language}``, which are filled in percent-encoded.
        policy: the platform's rule on whom to ask; no default, so that somebody reads it.
        policy_source: where the platform states it; required for `free`.
        locations: values for ``{location}`` by location name.
        location_field: the property of the contact or event that holds the location name.
        default_location: the value for contacts without a location.
        base_url: replaces scheme and host of `url`, for sandboxes.
    """

    title: str = Field(min_length=1, max_length=80)
    url: Annotated[str, AfterValidator(validate_template)]
    policy: Literal["ask-everyone", "free"]
    policy_source: str | None = Field(default=None, min_length=10)
    locations: Annotated[dict[str, str], AfterValidator(_normalize_locations)] = Field(default_factory=dict)
    location_field: str | None = Field(default=None, min_length=1)
    default_location: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        if self.policy == "free" and not self.policy_source:
            raise ValueError('policy = "free" requires policy_source: where the platform states it')
        if bool(self.locations) != bool(self.location_field):
            raise ValueError("locations and location_field belong together: the field says which location is meant")
        uses_location = "location" in find_placeholders(self.url)
        has_locations = bool(self.locations) or self.default_location is not None
        if has_locations and not uses_location:
            raise ValueError("url lacks the placeholder {location}: every location would get the same page")
        if uses_location and not has_locations:
            raise ValueError("url contains {location}, but neither locations nor default_location is set")
        return self

    def location_value(self, location: object) -> str | None:
        """Return the value for a location, the default without one, or None if the location is not listed."""
        if location is None or normalize_location(location) == "":
            return self.default_location
        return self.locations.get(normalize_location(location))
