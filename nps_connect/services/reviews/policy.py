"""Findings on review policy: what a platform requires and what the configuration does, reported by every check."""

from __future__ import annotations

from nps_connect.records.connectors import ReviewPolicy
from nps_connect.records.findings import Finding
from nps_connect.rules.review_policy import find_review_gating
from nps_connect.services.context import Context
from nps_connect.services.reviews.review_pages import location_field_key, location_field_name


def policy_findings(ctx: Context, connection: str) -> list[Finding]:
    """Return the findings on a review platform; empty for other connections."""
    declared = ctx.connector_info(connection).review_policy
    if declared is None:
        return []
    policy = declared(ctx.connections[connection].settings)
    return [_policy_finding(ctx, connection, policy), *_location_findings(ctx, connection)]


def _policy_finding(ctx: Context, connection: str, policy: ReviewPolicy) -> Finding:
    routes = ctx.settings.routes
    rule = f"policy {policy.rule} ({policy.source})"
    scores: set[int] = set()
    for route in routes:
        if route.do == "invite_review" and route.via == connection:
            scores.update(route.accepted_scores)
    if not scores:
        text = f"{rule}: no route invites to it, and no thank-you page shows it"
        return Finding(id="review-unused", severity="warning", text=text, fix='add routes with do = "invite_review"')
    gaps = [gap for gap in find_review_gating(routes, {connection: policy}) if gap.accepted]
    if gaps:
        how = "never sent to" if gaps[0].never else "sent less often to"
        return Finding(
            id="review-policy",
            severity="warning",
            text=f"{rule}: the review link is {how} {gaps[0].description}, which the platform forbids; "
            f"the written reason: {gaps[0].accepted}",
            fix=f'invite the others too, with lead = "help", and remove accept_selective_invitation ({policy.reason})',
        )
    mails = (
        "everybody is asked alike"
        if policy.rule == "ask-everyone"
        else f"asked by mail: scores {', '.join(map(str, sorted(scores)))}"
    )
    return Finding(severity="ok", text=f"{rule}: {mails}; the thank-you page shows the link to everybody")


def _location_findings(ctx: Context, connection: str) -> list[Finding]:
    field = location_field_name(ctx, connection)
    if field is None:
        return []
    for trigger in ctx.settings.triggers:
        kinds = {kind.name: kind for kind in ctx.connector_info(trigger.source).events}
        kind = kinds.get(trigger.on)
        if kind is not None and (kind.open_fields or field in kind.fields):
            return [Finding(severity="ok", text=f"the field {field!r} of the CRM selects the location")]
    return [
        Finding(
            id="location-unknown",
            severity="warning",
            text=f"{location_field_key(ctx, connection)} names {field!r}, which no trigger's event has: it selects "
            "no location",
            fix=f"set {location_field_key(ctx, connection)} to a field of the event or of its contact",
        )
    ]
