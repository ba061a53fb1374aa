"""Reports the declared policy, the review page and its locations."""

from __future__ import annotations

from collections.abc import Sequence

from nps_connect import Connection, Finding, hookimpl
from nps_connect.builtin.review_link.connector import build_policy
from nps_connect.builtin.review_link.settings import ReviewLinkSettings


@hookimpl
def nps_check(connection: Connection[ReviewLinkSettings]) -> Sequence[Finding]:
    """Report policy, page and locations. Nothing is fetched: platforms block bots."""
    settings = connection.settings
    policy = build_policy(settings)
    findings = [
        Finding(severity="ok", text=f"policy {policy.rule}: {policy.reason} ({policy.source})"),
        Finding(severity="ok", text=f"review page: {settings.url}"),
    ]
    if settings.locations:
        count = f"{len(settings.locations)} locations, selected by the property {settings.location_field!r}"
        findings.append(Finding(severity="ok", text=count))
        if settings.default_location is None:
            text = "default_location is missing: contacts without a listed location get no invitation"
            fix = "set default_location if one page fits all of them"
            findings.append(Finding(id="location-unknown", severity="warning", text=text, fix=fix))
    return findings
