"""Describes the plugin."""

from __future__ import annotations

from nps_connect import WELL_KNOWN_EVENT_KINDS, ConnectorInfo, EventKind, ExampleConfiguration, MappingLearner, hookimpl
from nps_connect.builtin.webhook import sender
from nps_connect.builtin.webhook.learner import propose_mappings, sign_webhook
from nps_connect.builtin.webhook.sample_check import find_settings_mistakes
from nps_connect.builtin.webhook.settings import WebhookSettings

EXAMPLE = ExampleConfiguration(
    connection="shop",
    table="""\
[connections.shop]
plugin = "webhook"                              # any source of signed JSON; recipes: docs/sources.md
events = "webhook"

[connections.shop.incoming.signature]
scheme = "standard-webhooks"                    # or an HMAC, or a bearer token
secrets = [{ env = "SHOP_WEBHOOK_SECRET" }]

[[connections.shop.incoming.mappings]]
when = "type == 'order.delivered'"              # expressions are JMESPath
kind = "order.delivered"
object_id = "data.id"
occurred_at = "timestamp"
person = { id = "data.customer.id", email = "data.customer.email", name = "data.customer.name" }
fields = { total = { expression = "data.total", type = "number" }, country = "data.country" }
""",
    triggers="""\
[[triggers]]
on = "order.delivered"
from = "shop"
survey = "after-purchase"
delay = "3d"
""",
    environment={"SHOP_WEBHOOK_SECRET": "whsec_cHV0LXRoZS1zaWduaW5nLXNlY3JldC1oZXJl"},
)


def build_event_kinds(settings: WebhookSettings) -> tuple[EventKind, ...]:
    """Return the kinds that a connection's mappings give, with all their fields; without mappings, the well-known."""
    fields_by_kind: dict[str, dict[str, str]] = {}
    for mapping in settings.mappings:
        for kind in mapping.kinds:
            fields_by_kind.setdefault(kind, {}).update({name: mapping.field(name).type for name in mapping.fields})
    for kind, fields in settings.kinds.items():
        fields_by_kind.setdefault(kind, {}).update(fields)
    if not fields_by_kind and settings.incoming is None:
        return WELL_KNOWN_EVENT_KINDS
    description_by_kind = {kind.name: kind.description for kind in WELL_KNOWN_EVENT_KINDS}
    return tuple(
        EventKind.model_validate(
            {"name": kind, "description": description_by_kind.get(kind, "Set by a mapping."), "fields": fields}
        )
        for kind, fields in fields_by_kind.items()
    )


@hookimpl
def nps_connector() -> ConnectorInfo:
    """Describe the plugin."""
    return ConnectorInfo(
        name="webhook",
        title="Webhook",
        settings=WebhookSettings,
        actions=(sender.ACTION,),
        quotas=sender.QUOTAS,
        status_overrides=sender.STATUS_OVERRIDES,
        base_url=sender.build_address,
        timeout=sender.read_timeout,
        refine=sender.explain_refusal,
        webhook_subscription=sender.build_subscription,
        events=WELL_KNOWN_EVENT_KINDS,
        events_for=build_event_kinds,
        check_settings=find_settings_mistakes,
        learner=MappingLearner(propose=propose_mappings, sign=sign_webhook),
        example=EXAMPLE,
    )
