"""Account check: the configured places."""

from __future__ import annotations

from collections.abc import Sequence

from nps_connect import Connection, Finding, hookimpl
from nps_connect_google_reviews.places import build_review_url
from nps_connect_google_reviews.settings import PLACEHOLDER, GoogleReviewsSettings


@hookimpl
def nps_check(connection: Connection[GoogleReviewsSettings]) -> Sequence[Finding]:
    """Report the places. Google has no API call without an account's consent, so nothing is fetched."""
    settings = connection.settings
    return _place_findings(settings)


def _place_findings(settings: GoogleReviewsSettings) -> list[Finding]:
    findings = []
    if settings.default_place == PLACEHOLDER:
        fix = "replace it with your own, see docs/google-reviews.md"
        text = "place_id is still the placeholder of the example"
        findings.append(Finding(id="example-value", severity="error", text=text, fix=fix))
    elif settings.default_place:
        findings.append(Finding(severity="ok", text=f"default place: {build_review_url(settings.default_place)}"))
    if settings.locations:
        count = f"{len(settings.locations)} locations, selected by the property {settings.location_field!r}"
        findings.append(Finding(severity="ok", text=count))
        if not settings.default_place:
            text = "there is no default place: people without a listed location get no invitation"
            fix = "set place_id or review_url too, if one page may serve them all"
            findings.append(Finding(id="location-unknown", severity="warning", text=text, fix=fix))
    return findings
