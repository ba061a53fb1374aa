"""Settings: the ``[connections.<name>]`` table of the plugin."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from nps_connect import ConnectionSettings
from nps_connect_google_reviews.places import validate_place, validate_place_id, validate_review_url

PLACEHOLDER = "ChIJ-replace-with-your-own"


def location_key(name: object) -> str:
    """Return the normalised form in which names in the table and values in the CRM are compared."""
    value = int(name) if isinstance(name, float) and name.is_integer() else name
    return str(value).strip().casefold()


def _normalize_keys(locations: dict[str, str]) -> dict[str, str]:
    place_by_key = {location_key(name): place for name, place in locations.items()}
    if len(place_by_key) < len(locations):
        raise ValueError("names the same location twice (case and spaces around a name are ignored)")
    if "" in place_by_key:
        raise ValueError("contains a location without a name")
    return place_by_key


class GoogleReviewsSettings(ConnectionSettings):
    """The places that customers may review.

    Attributes:
        place_id, review_url: the default place, by one of the two.
        locations: further places by name, each by place id or review address.
        location_field: the property of the contact or event that names the location.
        base_url: replaces https://search.google.com, for sandboxes.
    """

    place_id: Annotated[str, AfterValidator(validate_place_id)] | None = None
    review_url: Annotated[str, AfterValidator(validate_review_url)] | None = None
    locations: Annotated[dict[str, Annotated[str, AfterValidator(validate_place)]], AfterValidator(_normalize_keys)] = (
        Field(default_factory=dict)
    )
    location_field: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        if self.place_id and self.review_url:
            raise ValueError("set place_id or review_url, not both")
        if not self.default_place and not self.locations:
            raise ValueError("set place_id or review_url: without a place there is no review page")
        if bool(self.locations) != bool(self.location_field):
            raise ValueError("locations and location_field belong together: the field selects the location")
        return self

    @property
    def default_place(self) -> str | None:
        """Return the place for people whose location is unknown."""
        return self.place_id or self.review_url

    def place_of(self, location: object) -> str | None:
        """Return the place of a location, or None if it is not listed; without a location, the default."""
        if location is None or location_key(location) == "":
            return self.default_place
        return self.locations.get(location_key(location))
