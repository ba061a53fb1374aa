"""Policy: what a review platform demands, and what the configuration does about it; told by every check."""

from __future__ import annotations

from nps_connect.flows.context import Context
from nps_connect.flows.reviewing.locations import field_of
from nps_connect.records.connectors import ReviewPolicy
from nps_connect.records.findings import Finding
from nps_connect.rules.reviewing import gaps


def policy_findings(ctx: Context, connection: str) -> list[Finding]:
    """The platform's rule beside the state of the configuration; empty for connections that are no review platform."""
    declared = ctx.info_of(connection).review_policy
    if declared is None:
        return []
    policy = declared(ctx.connections[connection].settings)
    return [_state(ctx, connection, policy), *_location(ctx, connection)]


def _state(ctx: Context, connection: str, policy: ReviewPolicy) -> Finding:
    routes = ctx.settings.routes
    rule = f"policy {policy.rule} ({policy.source})"
    asked = {
        score for route in routes if route.do == "invite_review" and route.via == connection for score in route.asked
    }
    if not asked:
        text = f"{rule}: no route invites to it, and no thank-you page shows it"
        return Finding(severity="warning", text=text, fix='add routes with do = "invite_review"')
    found = [gap for gap in gaps(routes, {connection: policy}) if gap.accepted]
    if found:
        how = "never sent to" if found[0].never else "sent less often to"
        return Finding(
            severity="warning",
            text=f"{rule}: the review link is {how} {found[0].told}, which the platform forbids; the written reason: "
            f"{found[0].accepted}",
            fix=f'invite the others too, with lead = "help", and remove accept_selective_invitation ({policy.reason})',
        )
    told = "everybody is asked alike" if policy.rule == "ask-everyone" else f"asked by mail: scores {_told(asked)}"
    return Finding(severity="ok", text=f"{rule}: {told}; the thank-you page shows the link to everybody")


def _told(scores: set[int]) -> str:
    return ", ".join(str(score) for score in sorted(scores))


def _location(ctx: Context, connection: str) -> list[Finding]:
    field = field_of(ctx, connection)
    if field is None:
        return []
    for trigger in ctx.settings.triggers:
        kinds = {kind.name: kind for kind in ctx.info_of(trigger.source).events}
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
