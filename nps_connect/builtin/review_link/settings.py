"""The ``[connections.<name>]`` table of the plugin."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, HttpUrl, model_validator

from nps_connect import ConnectionSettings
from nps_connect.builtin.review_link.url_template import find_placeholders, validate_template


def normalize_location(name: object) -> str:
    """The form in which a location's name in the table and a value in the CRM are compared."""
    whole = int(name) if isinstance(name, float) and name.is_integer() else name
    return str(whole).strip().casefold()


def _normalize_locations(locations: dict[str, str]) -> dict[str, str]:
    keyed = {normalize_location(name): value for name, value in locations.items()}
    if len(keyed) < len(locations) or "" in keyed:
        raise ValueError("names a location twice or not at all (case and spaces around a name do not count)")
    return keyed


def _validate_base_url(url: HttpUrl | None) -> HttpUrl | None:
    if url is not None and url.scheme != "https" and not _is_loopback(url.host or ""):
        raise ValueError("customers are sent there: it must be https, or http on this machine for a sandbox")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class ReviewLinkSettings(ConnectionSettings):
    """Which page customers may review on, and what its platform demands.

    Attributes:
        title: how customers know the platform.
        url: the review page; may hold ``{location}`` and ``{language}``, both percent-encoded when filled in.
        policy: what the platform says about whom to ask; there is no default, because somebody has to look.
        policy_source: where the platform says so; required for `free`.
        locations: what to fill in for ``{location}``, by the location's name.
        location_field: the property of the contact or event that names the location.
        default_location: what to fill in for people whose location is not known.
        base_url: replaces scheme and host of `url`, for sandboxes.
    """

    base_url: Annotated[HttpUrl | None, AfterValidator(_validate_base_url)] = None
    title: str = Field(min_length=1, max_length=80)
    url: Annotated[str, AfterValidator(validate_template)]
    policy: Literal["ask-everyone", "free"]
    policy_source: str | None = Field(default=None, min_length=10)
    locations: Annotated[dict[str, str], AfterValidator(_normalize_locations)] = Field(default_factory=dict)
    location_field: str | None = Field(default=None, min_length=1)
    default_location: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.policy == "free" and not self.policy_source:
            raise ValueError('policy = "free" needs policy_source: where the platform says that you may choose')
        if bool(self.locations) != bool(self.location_field):
            raise ValueError("locations and location_field belong together: the field says which location is meant")
        wanted = "location" in find_placeholders(self.url)
        known = bool(self.locations) or self.default_location is not None
        if known and not wanted:
            raise ValueError("url lacks the placeholder {location}, so that every location would get the same page")
        if wanted and not known:
            raise ValueError("url holds {location}, but neither locations nor default_location say what to fill in")
        return self

    def location_value(self, location: object) -> str | None:
        """What to fill in for a location, or none if it is not listed; no location gives the default."""
        if location is None or normalize_location(location) == "":
            return self.default_location
        return self.locations.get(normalize_location(location))
