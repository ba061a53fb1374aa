"""Policy: what a review platform demands, and what the configuration does about it; told by every check."""

from __future__ import annotations

from nps_connect.records.connectors import ReviewPolicy
from nps_connect.records.findings import Finding
from nps_connect.rules.review_policy import find_review_gating
from nps_connect.services.context import Context
from nps_connect.services.reviews.locations import location_field_name


def policy_findings(ctx: Context, connection: str) -> list[Finding]:
    """The platform's rule beside the state of the configuration; empty for connections that are no review platform."""
    declared = ctx.connector_info(connection).review_policy
    if declared is None:
        return []
    policy = declared(ctx.connections[connection].settings)
    return [_policy_finding(ctx, connection, policy), *_location_findings(ctx, connection)]


def _policy_finding(ctx: Context, connection: str, policy: ReviewPolicy) -> Finding:
    routes = ctx.settings.routes
    rule = f"policy {policy.rule} ({policy.source})"
    asked = {
        score for route in routes if route.do == "invite_review" and route.via == connection for score in route.asked
    }
    if not asked:
        text = f"{rule}: no route invites to it, and no thank-you page shows it"
        return Finding(severity="warning", text=text, fix='add routes with do = "invite_review"')
    found = [gap for gap in find_review_gating(routes, {connection: policy}) if gap.accepted]
    if found:
        how = "never sent to" if found[0].never else "sent less often to"
        return Finding(
            severity="warning",
            text=f"{rule}: the review link is {how} {found[0].told}, which the platform forbids; the written reason: "
            f"{found[0].accepted}",
            fix=f'invite the others too, with lead = "help", and remove accept_selective_invitation ({policy.reason})',
        )
    told = (
        "everybody is asked alike"
        if policy.rule == "ask-everyone"
        else f"asked by mail: scores {_format_scores(asked)}"
    )
    return Finding(severity="ok", text=f"{rule}: {told}; the thank-you page shows the link to everybody")


def _format_scores(scores: set[int]) -> str:
    return ", ".join(str(score) for score in sorted(scores))


def _location_findings(ctx: Context, connection: str) -> list[Finding]:
    field = location_field_name(ctx, connection)
    if field is None:
        return []
    for trigger in ctx.settings.triggers:
        kinds = {kind.name: kind for kind in ctx.connector_info(trigger.source).events}
        kind = kinds.get(trigger.on)
        if kind is not None and (kind.open_fields or field in kind.fields):
            return [Finding(severity="ok", text=f"the place is chosen by the property {field!r}, asked of the CRM")]
    return [
        Finding(
            severity="warning",
            text=f"no trigger's event is known to tell the property {field!r} that chooses the place",
            fix="name a property of the event or of its contact, or set a default place",
        )
    ]
