"""The review page of an invitation."""

from __future__ import annotations

from nps_connect import Connection, Rejected, ReviewDestination, ReviewInvitation, hookimpl
from nps_connect_google_reviews.connector import TITLE
from nps_connect_google_reviews.places import build_review_url
from nps_connect_google_reviews.settings import GoogleReviewsSettings


@hookimpl
def nps_review_destination(
    connection: Connection[GoogleReviewsSettings], invitation: ReviewInvitation
) -> ReviewDestination:
    """Return the review page of the invitation's location, else of the contact's, else the default.

    An unknown location is rejected: a review must not land on the wrong shop.
    """
    settings = connection.settings
    location: object = invitation.location
    if location is None and settings.location_field is not None:
        location = invitation.contact.fields.get(settings.location_field)
    place = settings.place_of(location)
    if place is None:
        subject = "the default" if location is None else f"{str(location)[:80]!r}"
        raise Rejected(
            f"no place on Google is configured for {subject}; add it to connections.{connection.name}.locations"
        )
    base_url = str(settings.base_url) if settings.base_url else None
    return ReviewDestination(url=build_review_url(place, base_url), title=TITLE)
