"""Builds the link to the review page."""

from __future__ import annotations

from nps_connect import Connection, Rejected, ReviewDestination, ReviewInvitation, hookimpl
from nps_connect.builtin.review_link.settings import ReviewLinkSettings
from nps_connect.builtin.review_link.url_template import fill_template, find_placeholders


@hookimpl
def nps_review_destination(
    connection: Connection[ReviewLinkSettings], invitation: ReviewInvitation
) -> ReviewDestination:
    """Return the review page for the invitation's location and language.

    Raises:
        Rejected: the location is not listed; a review must not go to the wrong shop.
    """
    settings = connection.settings
    values = {"language": invitation.response.language}
    if "location" in find_placeholders(settings.url):
        values["location"] = _location(connection, invitation)
    base_url = str(settings.base_url) if settings.base_url else None
    return ReviewDestination(url=fill_template(settings.url, values, base_url), title=settings.title)


def _location(connection: Connection[ReviewLinkSettings], invitation: ReviewInvitation) -> str:
    settings = connection.settings
    location: object = invitation.location
    if location is None and settings.location_field is not None:
        location = invitation.contact.fields.get(settings.location_field)
    value = settings.location_value(location)
    if value is None:
        subject = "contacts without a location" if location is None else f"the location {str(location)[:80]!r}"
        raise Rejected(f"nothing is configured for {subject}; add it to connections.{connection.name}.locations")
    return value
